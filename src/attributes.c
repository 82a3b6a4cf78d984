/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include "rate.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

enum kind {
    A_BOOL,
    A_SECONDS, /* null: none */
    A_DELAY,   /* seconds, where null is Celery's default */
    A_RATE,
    A_RETRIES, /* null: for ever */
};

static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t also; /* a second field that the same name sets; 0: none */
} known[] = {
    /* First, so that its halves win over it whatever the map's order. */
    {"acks_on_failure_or_timeout", A_BOOL, offsetof(struct attributes, acks_on_failure),
     offsetof(struct attributes, acks_on_timeout)},
    {"acks_on_failure", A_BOOL, offsetof(struct attributes, acks_on_failure), 0},
    {"acks_on_timeout", A_BOOL, offsetof(struct attributes, acks_on_timeout), 0},
    {"acks_late", A_BOOL, offsetof(struct attributes, acks_late), 0},
    {"reject_on_worker_lost", A_BOOL,
     offsetof(struct attributes, reject_on_worker_lost), 0},
    {"ignore_result", A_BOOL, offsetof(struct attributes, ignore_result), 0},
    {"store_errors_even_if_ignored", A_BOOL,
     offsetof(struct attributes, store_errors_even_if_ignored), 0},
    {"track_started", A_BOOL, offsetof(struct attributes, track_started), 0},
    {"send_events", A_BOOL, offsetof(struct attributes, send_events), 0},
    {"time_limit", A_SECONDS, offsetof(struct attributes, time_limit_s), 0},
    {"soft_time_limit", A_SECONDS, offsetof(struct attributes, soft_time_limit_s), 0},
    {"rate_limit", A_RATE, offsetof(struct attributes, rate_per_s), 0},
    {"max_retries", A_RETRIES, offsetof(struct attributes, max_retries), 0},
    {"default_retry_delay", A_DELAY, offsetof(struct attributes, default_retry_delay_s),
     0},
};
#define NKNOWN (sizeof(known) / sizeof(known[0]))

bool attributes_set_rate(struct attributes *a, const char *text)
{
    if (!rate_parse(text, &a->rate_per_s))
        return false;
    bool none = strcasecmp(text, "none") == 0 || strcasecmp(text, "null") == 0;
    snprintf(a->rate_limit, sizeof(a->rate_limit), "%.*s",
             none ? 0 : (int)sizeof(a->rate_limit) - 1, text);
    return true;
}

/* ---- the row ------------------------------------------------------------------ */

static int64_t retries_of(int32_t row)
{
    return row == PTL_RETRY_FOREVER ? ATTRIBUTES_RETRY_FOREVER
           : row == PTL_NO_RETRIES  ? 0
           : row == 0               ? ATTRIBUTES_MAX_RETRIES
                                    : row;
}

bool attributes_apply_row(struct attributes *a, const ptl_def *row, struct wr *why)
{
    a->acks_late |= (row->flags & PTL_ACKS_LATE) != 0;
    a->acks_on_failure &= !(row->flags & PTL_NO_ACK_ON_FAILURE);
    a->acks_on_timeout &= !(row->flags & PTL_NO_ACK_ON_TIMEOUT);
    a->reject_on_worker_lost |= (row->flags & PTL_REJECT_ON_WORKER_LOST) != 0;
    a->ignore_result |= (row->flags & PTL_IGNORE_RESULT) != 0;
    a->store_errors_even_if_ignored |= (row->flags & PTL_STORE_ERRORS) != 0;
    a->send_events &= !(row->flags & PTL_NO_EVENTS);
    a->track_started |= (row->flags & PTL_TRACK_STARTED) != 0;
    if (row->soft_limit_ms)
        a->soft_time_limit_s = row->soft_limit_ms / 1000.0;
    if (row->hard_limit_ms)
        a->time_limit_s = row->hard_limit_ms / 1000.0;
    a->max_retries = retries_of(row->max_retries);
    a->default_retry_delay_s =
        row->retry_delay_ms ? row->retry_delay_ms / 1000.0 : ATTRIBUTES_RETRY_DELAY_S;
    if (row->rate_limit && !attributes_set_rate(a, row->rate_limit)) {
        wr_printf(why,
                  "task %s: rate_limit must be like \"10/s\", \"5/m\" or \"100/h\", "
                  "not \"%.40s\"",
                  row->name, row->rate_limit);
        return false;
    }
    return true;
}

/* ---- annotations -------------------------------------------------------------- */

static bool read_number(const ptl_value *v, double most, double *out)
{
    if (value_kind(v) != PTL_INT && value_kind(v) != PTL_FLOAT)
        return false;
    *out = v->kind == PTL_INT ? (double)v->u.i : v->u.d;
    return isfinite(*out) && *out >= 0 && *out <= most;
}

static bool read_rate(const ptl_value *v, struct attributes *a)
{
    char text[64];
    double n;
    struct str s = value_as_str(v);
    if (value_is_null(v))
        return attributes_set_rate(a, "");
    if (read_number(v, RATE_MAX_PER_S, &n))
        snprintf(text, sizeof(text), "%.17g", n);
    else if (s.p && s.n < sizeof(text))
        snprintf(text, sizeof(text), "%.*s", (int)s.n, s.p);
    else
        return false;
    return attributes_set_rate(a, text);
}

static const char *set(struct attributes *a, size_t i, const ptl_value *v)
{
    void *field = (char *)a + known[i].offset;
    double n = 0;
    switch (known[i].kind) {
    case A_BOOL:
        if (value_kind(v) != PTL_BOOL)
            return "true or false";
        *(bool *)field = v->u.b;
        if (known[i].also)
            *(bool *)((char *)a + known[i].also) = v->u.b;
        return NULL;
    case A_SECONDS:
    case A_DELAY:
        if (!value_is_null(v) && !read_number(v, ATTRIBUTES_SECONDS_MAX, &n))
            return "seconds, or null";
        *(double *)field = !value_is_null(v)            ? n
                           : known[i].kind == A_SECONDS ? 0
                                                        : ATTRIBUTES_RETRY_DELAY_S;
        return NULL;
    case A_RATE:
        return read_rate(v, a) ? NULL : "like \"10/s\", \"5/m\", 100 or null";
    case A_RETRIES:
        if (value_is_null(v))
            *(int64_t *)field = ATTRIBUTES_RETRY_FOREVER;
        else if (value_kind(v) == PTL_INT && v->u.i >= 0)
            *(int64_t *)field = v->u.i;
        else
            return "a number, or null for ever";
        return NULL;
    }
    return NULL;
}

static void annotate(struct attributes *a, const ptl_value *map)
{
    for (size_t i = 0; i < NKNOWN; i++) {
        const ptl_value *v = value_get(map, known[i].name);
        if (v)
            set(a, i, v);
    }
}

void attributes_annotate(struct attributes *a, const ptl_value *annotations,
                         struct str task)
{
    annotate(a, value_get(annotations, "*"));
    annotate(a, value_find(annotations, task));
}

const char *attributes_name(size_t i)
{
    return i < NKNOWN ? known[i].name : NULL;
}

const char *attributes_check(size_t i, const ptl_value *v)
{
    struct attributes scratch;
    return set(&scratch, i, v);
}
