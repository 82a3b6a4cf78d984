/* SPDX-License-Identifier: Apache-2.0 */
/* Its settings, and what it is built of. */
#include "conf_value.h"
#include "control.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"

#include <json-c/json_c_version.h>
#include <strings.h>
#include <sys/utsname.h>

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
    const ptl_value *table = conf_table(c->arena, c->worker->config, all);
    if (table)
        json_write(c->reply, table);
    else
        control_error(c, "MemoryError()");
}

/* ---- report -------------------------------------------------------------------- */

static void put_software(struct wr *out, const struct worker *w)
{
    struct utsname system;
    const struct config *c = w->config;
    uname(&system);
    wr_printf(out,
              "\nsoftware -> petiole:%s libuv:%s json-c:%s\n"
              "platform -> system:%s arch:%s\n"
              "            kernel version:%s imp:C\n"
              "loader   -> petiole\n",
              PTL_VERSION, uv_version_string(), json_c_version(), system.sysname,
              system.machine, system.release);
    wr_printf(out, "settings -> transport:%s results:%s\n\n",
              w->broker ? w->broker->ops->transport : "",
              c->has_backend ? c->backend.masked : "disabled");
}

static void report(struct control_call *c)
{
    const ptl_value *table = conf_table(c->arena, c->worker->config, false);
    struct wr text;
    wr_init(&text, (size_t)1 << 20);
    put_software(&text, c->worker);
    for (size_t i = 0; i < value_len(table); i++) {
        const struct value_pair *pair = &table->u.map.pairs[i];
        wr_printf(&text, STR_FMT ": ", STR_ARG(pair->key));
        pyrepr(&text, pair->value);
        wr_text(&text, "\n");
    }
    wr_text(c->reply, "{\"ok\": ");
    json_write_str(c->reply, wr_str(&text));
    wr_text(c->reply, "}");
    if (text.bad || !table)
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
