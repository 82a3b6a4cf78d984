/* SPDX-License-Identifier: Apache-2.0 */
/* petiole report - versions and settings of this machine's petiole, for bug reports;
 * Celery's command. No worker and no broker is asked. */
#include "../report.h"
#include "../config/shown.h"
#include "command.h"
#include "foreground.h"

#include <stdio.h>

#define OUTPUT_BYTES ((size_t)16 << 20)

static bool print_json(const struct config *config, struct str text)
{
    struct arena a;
    arena_init(&a, OUTPUT_BYTES);
    ptl_value *line = value_map(&a, 3);
    bool ok = line &&
              value_map_set(&a, line, STR("version"), value_text(&a, PTL_VERSION)) &&
              value_map_set(&a, line, STR("report"), value_str(&a, text)) &&
              value_map_set(&a, line, STR("settings"), config_shown(config, false, &a));
    if (ok)
        foreground_print(stdout, line);
    arena_finish(&a);
    return ok;
}

static int report(const struct config *config, bool json)
{
    struct wr w;
    wr_init(&w, OUTPUT_BYTES);
    report_write(&w, config);
    bool ok = !w.bad;
    if (ok && json)
        ok = print_json(config, wr_str(&w));
    else if (ok)
        printf(STR_FMT "\n", STR_ARG(wr_str(&w)));
    wr_finish(&w);
    return ok ? EXIT_STOPPED
              : command_complain(EXIT_FAILED, "petiole report", "out of memory");
}

struct options {
    bool json;
};

static int run(int argc, char **argv)
{
    struct config config;
    struct error e;
    struct options o = {0};
    const char *words[1];
    size_t nwords;
    int code = command_read(&command_report, &o, &argc, argv, words, &nwords, 0);
    if (code)
        return code;
    if (config_load(&config, argc, argv, &e) < 0)
        code = command_complain(EXIT_USAGE, "petiole report", "%s", e.msg);
    else
        code = report(&config, o.json);
    config_finish(&config);
    return code;
}

static const struct command_option options[] = {
    {"json", 'j', NULL, "an object: version, report, settings",
     .offset = offsetof(struct options, json)},
    {0},
};

const struct command command_report = {
    .name = "report",
    .run = run,
    .summary = "versions and settings, for bug reports",
    .usage = "[OPTIONS]",
    .about =
        "Prints versions, platform and settings, for bug reports. Passwords and keys "
        "are masked. Neither the broker nor workers are asked: petiole inspect report "
        "asks those.",
    .options = options,
    .settings = "broker result-backend config",
    .exits = "0 done; 64 the command line is wrong",
};
