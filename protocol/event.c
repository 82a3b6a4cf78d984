/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "json.h"

#include <math.h>

/* ---- parts -------------------------------------------------------------------- */

static void put_float(struct wr *w, double d)
{
    char text[32];
    wr_put(w, (struct str){text, json_format_float(text, d, true)});
}

static void put_uint(struct wr *w, uint64_t n)
{
    char text[20], *p = text + sizeof(text);
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    wr_put(w, (struct str){p, (size_t)(text + sizeof(text) - p)});
}

static void put_int(struct wr *w, int64_t n)
{
    if (n < 0)
        wr_u8(w, '-');
    put_uint(w, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

/* key: with what stands around it, `, "uuid": `. */
static void put_text(struct wr *w, struct str key, struct str text)
{
    wr_put(w, key);
    if (text.p)
        json_write_str(w, text);
    else
        wr_put(w, STR("null"));
}

static void put_bool(struct wr *w, struct str key, bool b)
{
    wr_put(w, key);
    wr_put(w, b ? STR("true") : STR("false"));
}

/* Whole hours are written as Celery up to 5.6 does, and none of its readers minds. */
static void put_hours(struct wr *w, double h)
{
    if (h == floor(h) && fabs(h) < 100)
        put_int(w, (int64_t)h);
    else
        put_float(w, h);
}

static void begin(struct wr *w, const struct event_head *h)
{
    put_text(w, STR("{\"hostname\": "), h->hostname);
    wr_put(w, STR(", \"utcoffset\": "));
    put_hours(w, h->utcoffset_h);
    wr_put(w, STR(", \"pid\": "));
    put_int(w, h->pid);
    wr_put(w, STR(", \"clock\": "));
    put_uint(w, h->clock);
}

static void end(struct wr *w, const struct event_head *h, struct str type)
{
    wr_put(w, STR(", \"timestamp\": "));
    put_float(w, (double)h->timestamp_us / 1e6);
    put_text(w, STR(", \"type\": "), type);
    wr_u8(w, '}');
}

/* ---- workers ------------------------------------------------------------------ */

void event_write_worker(struct wr *w, const struct event_head *h, const char *type,
                        const struct event_worker *e)
{
    begin(w, h);
    wr_put(w, STR(", \"freq\": "));
    put_float(w, e->freq_s);
    wr_put(w, STR(", \"active\": "));
    put_uint(w, e->active);
    wr_put(w, STR(", \"processed\": "));
    put_uint(w, e->processed);
    wr_put(w, STR(", \"loadavg\": ["));
    for (size_t i = 0; i < 3; i++) {
        wr_put(w, i > 0 ? STR(", ") : STR(""));
        put_float(w, e->loadavg[i]);
    }
    put_text(w, STR("], \"sw_ident\": "), e->sw_ident);
    put_text(w, STR(", \"sw_ver\": "), e->sw_ver);
    put_text(w, STR(", \"sw_sys\": "), e->sw_sys);
    end(w, h, str_of(type));
}

void event_write_other(struct wr *w, const struct event_head *h, struct str type,
                       struct str uuid, struct str fields)
{
    begin(w, h);
    if (uuid.n > 0)
        put_text(w, STR(", \"uuid\": "), uuid);
    if (fields.n > 0) {
        wr_put(w, STR(", "));
        wr_put(w, fields);
    }
    end(w, h, type);
}

/* ---- tasks -------------------------------------------------------------------- */

static void begin_task(struct wr *w, const struct event_head *h, struct str uuid)
{
    begin(w, h);
    put_text(w, STR(", \"uuid\": "), uuid);
}

static void put_family(struct wr *w, const struct event_task *e)
{
    put_text(w, STR(", \"root_id\": "), e->root_id);
    put_text(w, STR(", \"parent_id\": "), e->parent_id);
}

static void put_call(struct wr *w, const struct event_task *e)
{
    put_text(w, STR(", \"name\": "), e->name);
    put_text(w, STR(", \"args\": "), e->args);
    put_text(w, STR(", \"kwargs\": "), e->kwargs);
}

static void put_times(struct wr *w, const struct event_task *e)
{
    wr_put(w, STR(", \"retries\": "));
    put_int(w, e->retries);
    put_text(w, STR(", \"eta\": "), e->eta);
    put_text(w, STR(", \"expires\": "), e->expires);
}

void event_write_received(struct wr *w, const struct event_head *h,
                          const struct event_task *e)
{
    begin_task(w, h, e->uuid);
    put_call(w, e);
    put_family(w, e);
    put_times(w, e);
    end(w, h, STR("task-received"));
}

void event_write_sent(struct wr *w, const struct event_head *h,
                      const struct event_task *e)
{
    begin_task(w, h, e->uuid);
    put_family(w, e);
    put_call(w, e);
    put_times(w, e);
    put_text(w, STR(", \"queue\": "), e->queue);
    put_text(w, STR(", \"exchange\": "), e->exchange);
    put_text(w, STR(", \"routing_key\": "), e->routing_key);
    end(w, h, STR("task-sent"));
}

void event_write_succeeded(struct wr *w, const struct event_head *h, struct str uuid,
                           struct str result, double runtime_s)
{
    begin_task(w, h, uuid);
    put_text(w, STR(", \"result\": "), result);
    wr_put(w, STR(", \"runtime\": "));
    if (runtime_s < 0)
        wr_put(w, STR("null"));
    else
        put_float(w, runtime_s);
    end(w, h, STR("task-succeeded"));
}

void event_write_raised(struct wr *w, const struct event_head *h, const char *type,
                        struct str uuid, struct str exception, struct str traceback)
{
    begin_task(w, h, uuid);
    put_text(w, STR(", \"exception\": "), exception);
    if (traceback.p)
        put_text(w, STR(", \"traceback\": "), traceback);
    end(w, h, str_of(type));
}

void event_write_revoked(struct wr *w, const struct event_head *h, struct str uuid,
                         bool terminated, int signum, bool expired)
{
    begin_task(w, h, uuid);
    put_bool(w, STR(", \"terminated\": "), terminated);
    wr_put(w, STR(", \"signum\": "));
    if (signum)
        put_int(w, signum);
    else
        wr_put(w, STR("null"));
    put_bool(w, STR(", \"expired\": "), expired);
    end(w, h, STR("task-revoked"));
}

void event_write_rejected(struct wr *w, const struct event_head *h, struct str uuid,
                          bool requeue)
{
    begin_task(w, h, uuid);
    put_bool(w, STR(", \"requeue\": "), requeue);
    end(w, h, STR("task-rejected"));
}

/* ---- those of others ------------------------------------------------------------ */

static double number_of(const ptl_value *map, const char *key)
{
    const ptl_value *v = value_get(map, key);
    double d = value_kind(v) == PTL_INT     ? (double)v->u.i
               : value_kind(v) == PTL_FLOAT ? v->u.d
                                            : 0;
    return isfinite(d) ? d : 0;
}

static struct str text_of(const ptl_value *map, const char *key)
{
    struct str s = value_as_str(value_get(map, key));
    return s.p ? s : STR("");
}

static struct str group_of(struct str type)
{
    const char *dash = memchr(type.p, '-', type.n);
    return dash ? (struct str){type.p, (size_t)(dash - type.p)} : type;
}

size_t event_count(const ptl_value *body)
{
    return value_kind(body) == PTL_LIST ? value_len(body) : 1;
}

bool event_read(const ptl_value *body, size_t i, struct event *e)
{
    const ptl_value *map = value_kind(body) == PTL_LIST ? value_at(body, i) : body;
    *e = (struct event){.type = text_of(map, "type"), .fields = map};
    if (value_kind(map) != PTL_MAP || e->type.n == 0)
        return false;
    int64_t clock = value_as_int(value_get(map, "clock"), 0);
    e->group = group_of(e->type);
    e->hostname = text_of(map, "hostname");
    e->uuid = text_of(map, "uuid");
    e->utcoffset_h = number_of(map, "utcoffset");
    e->timestamp_s = number_of(map, "timestamp");
    e->freq_s = number_of(map, "freq");
    e->pid = value_as_int(value_get(map, "pid"), 0);
    e->clock = clock > 0 ? (uint64_t)clock : 0;
    return true;
}
