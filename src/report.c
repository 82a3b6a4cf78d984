/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "config/shown.h"

#include "../protocol/pyrepr.h"

#include <hiredis/hiredis.h>
#include <json-c/json_c_version.h>
#include <sys/utsname.h>
#include <uv.h>

#define SETTINGS_BYTES ((size_t)16 << 20)

/* As celery.utils.text.pretty: what has names of its own begins on the next line. */
static void put_setting(struct wr *w, const struct value_pair *p)
{
    bool has_names = value_kind(p->value) == PTL_MAP;
    wr_printf(w, STR_FMT ": %s", STR_ARG(p->key), has_names ? "\n    " : "");
    pyrepr(w, p->value);
    wr_text(w, "\n");
}

static void put_settings(struct wr *w, const struct config *c)
{
    struct arena a;
    arena_init(&a, SETTINGS_BYTES);
    const ptl_value *shown = config_shown(c, false, &a);
    w->bad |= !shown;
    for (size_t i = 0; shown && i < value_len(shown); i++)
        put_setting(w, &shown->u.map.pairs[i]);
    arena_finish(&a);
}

void report_write(struct wr *w, const struct config *c)
{
    struct utsname system;
    uname(&system);
    wr_printf(w,
              "\nsoftware -> petiole:%s libuv:%s hiredis:%d.%d.%d\n"
              "            json-c:%s\n",
              PTL_VERSION, uv_version_string(), HIREDIS_MAJOR, HIREDIS_MINOR,
              HIREDIS_PATCH, json_c_version());
    wr_printf(w,
              "platform -> system:%s arch:%zubit, ELF (%s)\n"
              "            kernel version:%s imp:C\n",
              system.sysname, 8 * sizeof(void *), system.machine, system.release);
    wr_printf(w, "loader   -> %s\nsettings -> transport:%s results:%s\n\n",
              c->plugins ? c->plugins : "no plugins",
              c->broker.nurls ? c->broker.urls[0].scheme : "",
              c->has_backend ? c->backend.masked : "disabled");
    put_settings(w, c);
}
