/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "../../protocol/json.h"
#include "../monitor/text.h"

#include <math.h>
#include <stdio.h>

#define BAR_COLUMNS 20
#define LINE_BYTES 4096
#define META_BYTES ((size_t)1 << 20)

static bool number(const ptl_value *meta, const char *key, double *d)
{
    const ptl_value *v = value_get(meta, key);
    if (value_kind(v) != PTL_INT && value_kind(v) != PTL_FLOAT)
        return false;
    *d = v->kind == PTL_INT ? (double)v->u.i : v->u.d;
    return isfinite(*d);
}

/* Of 1; -1: it does not say. */
static double share(const struct progress *p)
{
    double current, total, percent, part = -1;
    if (p->nparts > 1)
        part = (double)p->ndone / (double)p->nparts;
    else if (number(p->meta, "current", &current) && number(p->meta, "total", &total) &&
             total > 0)
        part = current / total;
    else if (number(p->meta, "percent", &percent))
        part = percent / 100;
    else
        return -1;
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

static void put_share(struct wr *w, double part, int columns)
{
    int full = (int)(part * BAR_COLUMNS);
    wr_printf(w, " %3d%%", (int)(part * 100));
    if (columns < 60)
        return;
    wr_text(w, " [");
    for (int i = 0; i < BAR_COLUMNS; i++)
        wr_text(w, i < full ? "#" : "-");
    wr_text(w, "]");
}

static void put_counts(struct wr *w, const struct progress *p)
{
    double current, total;
    if (p->nparts > 1)
        wr_printf(w, " %zu of %zu", p->ndone, p->nparts);
    else if (number(p->meta, "current", &current) && number(p->meta, "total", &total))
        wr_printf(w, " %.15g/%.15g", current, total);
}

/* What it says in words; where it runs; all it holds, if it says nothing else. */
static void put_words(struct wr *w, const struct progress *p, bool counted)
{
    static const char *const keys[] = {"message", "status", "description", "hostname"};
    struct wr json;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct str text = value_as_str(value_get(p->meta, keys[i]));
        if (text.n) {
            wr_text(w, i == 3 ? " on " : " ");
            wr_put(w, text);
            return;
        }
    }
    if (counted || value_is_null(p->meta))
        return;
    wr_init(&json, META_BYTES);
    json_write(&json, p->meta);
    wr_text(w, " ");
    wr_put(w, json.bad ? STR("...") : wr_str(&json));
    wr_finish(&json);
}

void progress_write(struct wr *w, const struct progress *p, int columns)
{
    struct wr line;
    char waited[32];
    double part = share(p);
    int n = snprintf(waited, sizeof(waited), " %.0fs", p->waited_s);
    wr_init(&line, META_BYTES * 2);
    if (p->nparts <= 1)
        wr_put(&line, p->state);
    else
        wr_text(&line, "waiting");
    if (part >= 0)
        put_share(&line, part, columns);
    put_counts(&line, p);
    if (p->nparts <= 1)
        put_words(&line, p, part >= 0);
    text_field(w, wr_str(&line), columns > n + 10 ? columns - n : columns);
    if (columns > n + 10)
        wr_text(w, waited);
    wr_finish(&line);
}
