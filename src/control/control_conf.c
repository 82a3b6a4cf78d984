/* SPDX-License-Identifier: Apache-2.0 */
/* Its settings, and what it is built of. */
#include "../config/shown.h"
#include "../report.h"
#include "control.h"

#include "../../protocol/json.h"

#include <strings.h>

/* celery.utils.serialization.strtobool, which clients of old sent texts through. */
static bool is_wanted(const ptl_value *v)
{
    static const char *const no[] = {"false", "no", "0", "off"};
    struct str text = value_as_str(v);
    for (size_t i = 0; text.p && i < sizeof(no) / sizeof(no[0]); i++)
        if (text.n == strlen(no[i]) && strncasecmp(text.p, no[i], text.n) == 0)
            return false;
    return value_truth(v);
}

static void conf(struct control_call *c)
{
    bool all = is_wanted(control_argument(c, "with_defaults"));
    const ptl_value *table = config_shown(c->worker->config, all, c->arena);
    if (table)
        json_write(c->reply, table);
    else
        control_error(c, "MemoryError()");
}

static void report(struct control_call *c)
{
    struct wr text;
    wr_init(&text, (size_t)1 << 20);
    report_write(&text, c->worker->config);
    wr_text(c->reply, "{\"ok\": ");
    json_write_str(c->reply, wr_str(&text));
    wr_text(c->reply, "}");
    if (text.bad)
        control_error(c, "MemoryError()");
    wr_finish(&text);
}

const struct control_command control_conf_commands[] = {
    {.name = "conf",
     .alias = "dump_conf",
     .arguments = "[with_defaults] *",
     .run = conf},
    {.name = "report", .arguments = "", .run = report},
    {0},
};
