/* SPDX-License-Identifier: Apache-2.0 */
#include "seen.h"

#include "../../protocol/buf.h"
#include "../../protocol/pyrepr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define HEARTBEAT_WINDOW 2 /* as Celery: two missed heartbeats, and it is offline */

static const struct {
    const char *key;
    size_t max_bytes;
} fields[SEEN_FIELDS] = {
    [SEEN_UUID] = {"uuid", 128},
    [SEEN_NAME] = {"name", 256},
    [SEEN_WORKER] = {"hostname", 256},
    [SEEN_ARGS] = {"args", 2048},
    [SEEN_KWARGS] = {"kwargs", 2048},
    [SEEN_RESULT] = {"result", 2048},
    [SEEN_EXCEPTION] = {"exception", 2048},
    [SEEN_TRACEBACK] = {"traceback", 16384},
    [SEEN_RETRIES] = {"retries", 24},
    [SEEN_ETA] = {"eta", 64},
    [SEEN_EXPIRES] = {"expires", 64},
    [SEEN_QUEUE] = {"queue", 256},
    [SEEN_ROOT] = {"root_id", 128},
    [SEEN_PARENT] = {"parent_id", 128},
};

static const struct {
    const char *type;
    enum seen_state state;
} types[] = {
    {"task-sent", SEEN_PENDING},      {"task-received", SEEN_RECEIVED},
    {"task-started", SEEN_STARTED},   {"task-succeeded", SEEN_SUCCESS},
    {"task-failed", SEEN_FAILURE},    {"task-retried", SEEN_RETRY},
    {"task-revoked", SEEN_REVOKED},   {"task-cancelled", SEEN_REVOKED},
    {"task-rejected", SEEN_REJECTED},
};

const char *seen_state_name(enum seen_state state)
{
    static const char *const names[] = {"PENDING", "RETRY",   "REJECTED", "RECEIVED",
                                        "STARTED", "REVOKED", "FAILURE",  "SUCCESS"};
    return names[state];
}

const char *seen_field_name(enum seen_field field)
{
    return fields[field].key;
}

/* ---- the table ---------------------------------------------------------------------
 */

static struct seen_task **chain_of(const struct seen *s, struct str uuid)
{
    uint64_t h = s->seed;
    for (size_t i = 0; i < uuid.n; i++)
        h = (h ^ (unsigned char)uuid.p[i]) * 0x100000001b3u;
    return &s->chains[(h ^ h >> 32) % SEEN_CHAINS];
}

struct seen_task *seen_find(const struct seen *s, struct str uuid)
{
    struct seen_task *t = *chain_of(s, uuid);
    while (t && !str_eq(t->fields[SEEN_UUID], uuid))
        t = t->chained;
    return t;
}

static void drop_field(struct seen *s, struct seen_task *t, enum seen_field f)
{
    s->bytes -= t->fields[f].n;
    free((char *)(uintptr_t)t->fields[f].p);
    t->fields[f] = (struct str){0};
}

static void forget(struct seen *s, struct seen_task *t)
{
    struct seen_task **at = chain_of(s, t->fields[SEEN_UUID]);
    while (*at != t)
        at = &(*at)->chained;
    *at = t->chained;
    list_remove(&t->node);
    s->nrunning -= t->runs;
    s->ntasks--;
    for (size_t f = 0; f < SEEN_FIELDS; f++)
        drop_field(s, t, (enum seen_field)f);
    free(t);
}

/* The one heard of longest ago, of those that run only if there are no others. */
static void make_room(struct seen *s)
{
    while (s->ntasks > SEEN_TASKS || (s->bytes > SEEN_BYTES && s->ntasks > 1)) {
        struct list *oldest = list_empty(&s->others) ? s->running.next : s->others.prev;
        forget(s, list_entry(oldest, struct seen_task, node));
        s->forgotten++;
    }
}

static bool set_field(struct seen *s, struct seen_task *t, enum seen_field f,
                      struct str text)
{
    size_t n = text.n < fields[f].max_bytes ? text.n : fields[f].max_bytes;
    char *copy = malloc(n + 1);
    if (!copy)
        return false;
    memcpy(copy, text.p, n);
    copy[n] = '\0';
    drop_field(s, t, f);
    t->fields[f] = (struct str){copy, n};
    s->bytes += n;
    return true;
}

static struct seen_task *add(struct seen *s, struct str uuid)
{
    struct seen_task *t = calloc(1, sizeof(*t));
    if (!t || !set_field(s, t, SEEN_UUID, uuid)) {
        free(t);
        return NULL;
    }
    struct seen_task **chain = chain_of(s, t->fields[SEEN_UUID]);
    t->chained = *chain;
    *chain = t;
    t->runtime_s = -1;
    list_push_front(&s->others, &t->node);
    s->ntasks++;
    return t;
}

/* ---- tasks -------------------------------------------------------------------------
 */

static double number_of(const ptl_value *event, const char *key, double otherwise)
{
    const ptl_value *v = value_get(event, key);
    double d = value_kind(v) == PTL_FLOAT ? v->u.d
               : value_kind(v) == PTL_INT ? (double)v->u.i
                                          : otherwise;
    return isfinite(d) ? d : otherwise;
}

/* What an event says late fills only in what was not known, as in Celery. */
static void take_field(struct seen *s, struct seen_task *t, enum seen_field f,
                       const ptl_value *v, bool late)
{
    struct wr w;
    if (value_is_null(v) || (late && t->fields[f].p))
        return;
    if (v->kind == PTL_STR) {
        set_field(s, t, f, v->u.s);
        return;
    }
    wr_init(&w, fields[f].max_bytes * 4);
    pyrepr_cut(&w, v, fields[f].max_bytes);
    if (!w.bad)
        set_field(s, t, f, wr_str(&w));
    wr_finish(&w);
}

/* Onto the list where it belongs. Those that run keep their place. */
static void place(struct seen *s, struct seen_task *t, double now_s)
{
    bool runs = t->state == SEEN_STARTED;
    if (runs && t->runs)
        return;
    list_remove(&t->node);
    s->nrunning += runs;
    s->nrunning -= t->runs;
    t->runs = runs;
    if (runs) {
        t->started_s = now_s;
        list_push(&s->running, &t->node);
    } else {
        list_push_front(&s->others, &t->node);
    }
}

static void take_task(struct seen *s, enum seen_state state, const ptl_value *event,
                      double now_s)
{
    struct str uuid = value_as_str(value_get(event, "uuid"));
    if (uuid.n > fields[SEEN_UUID].max_bytes)
        uuid.n = fields[SEEN_UUID].max_bytes;
    struct seen_task *t = uuid.n ? seen_find(s, uuid) : NULL;
    if (!uuid.n || (!t && !(t = add(s, uuid))))
        return;
    bool late = state != SEEN_RETRY && t->state != SEEN_RETRY && state < t->state;
    for (size_t f = 0; f < SEEN_FIELDS; f++)
        if (f != SEEN_UUID && !(f == SEEN_WORKER && state == SEEN_PENDING))
            take_field(s, t, (enum seen_field)f, value_get(event, fields[f].key), late);
    if (!late) {
        t->state = state;
        t->at_s = number_of(event, "timestamp", t->at_s);
        t->runtime_s = number_of(event, "runtime", -1);
        place(s, t, now_s);
    }
    make_room(s);
}

/* ---- workers -----------------------------------------------------------------------
 */

static int compare(const struct seen_worker *w, struct str name)
{
    size_t n = strlen(w->name);
    int c = memcmp(w->name, name.p, n < name.n ? n : name.n);
    return c ? c : (n > name.n) - (n < name.n);
}

/* Its place among the names; NULL: no memory, or too many. */
static struct seen_worker *worker_of(struct seen *s, struct str name)
{
    size_t low = 0, high = s->nworkers;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = compare(&s->workers[middle], name);
        if (c == 0)
            return &s->workers[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    char *copy = s->nworkers < SEEN_WORKERS ? strndup(name.p, name.n) : NULL;
    if (!copy)
        return NULL;
    memmove(&s->workers[low + 1], &s->workers[low],
            (s->nworkers++ - low) * sizeof(*s->workers));
    s->workers[low] = (struct seen_worker){.name = copy, .active = -1, .processed = -1};
    return &s->workers[low];
}

static void take_worker(struct seen *s, struct str type, const ptl_value *event,
                        double now_s)
{
    struct str name = value_as_str(value_get(event, "hostname"));
    struct str software = value_as_str(value_get(event, "sw_ident"));
    struct str version = value_as_str(value_get(event, "sw_ver"));
    const ptl_value *load = value_get(event, "loadavg");
    if (name.n > fields[SEEN_WORKER].max_bytes || !name.n || memchr(name.p, 0, name.n))
        return; /* no worker has such a name */
    struct seen_worker *w = worker_of(s, name);
    if (!w)
        return;
    w->online = !str_is(type, "worker-offline");
    w->heard_s = now_s;
    w->freq_s = number_of(event, "freq", w->freq_s > 0 ? w->freq_s : 2);
    w->active = value_as_int(value_get(event, "active"), w->active);
    w->processed = value_as_int(value_get(event, "processed"), w->processed);
    for (size_t i = 0; i < 3 && value_kind(load) == PTL_LIST; i++) {
        const ptl_value *v = value_at(load, i);
        w->load[i] = value_kind(v) == PTL_FLOAT ? v->u.d : (double)value_as_int(v, 0);
    }
    if (software.n)
        snprintf(w->software, sizeof(w->software), STR_FMT " " STR_FMT,
                 (int)(software.n < 24 ? software.n : 24), software.p,
                 (int)(version.n < 20 ? version.n : 20), version.n ? version.p : "");
}

bool seen_is_online(const struct seen_worker *w, double now_s)
{
    return w->online && now_s < w->heard_s + w->freq_s * HEARTBEAT_WINDOW + 1;
}

/* ---- all of it ----------------------------------------------------------------------
 */

bool seen_init(struct seen *s)
{
    *s = (struct seen){.chains = calloc(SEEN_CHAINS, sizeof(struct seen_task *))};
    list_init(&s->running);
    list_init(&s->others);
    if (getrandom(&s->seed, sizeof(s->seed), GRND_NONBLOCK) < 0)
        s->seed = (uint64_t)(uintptr_t)s->chains;
    return s->chains;
}

void seen_finish(struct seen *s)
{
    struct seen_task *t;
    while (s->chains && (t = seen_first(s)))
        forget(s, t);
    for (size_t i = 0; i < s->nworkers; i++)
        free(s->workers[i].name);
    free(s->chains);
}

void seen_event(struct seen *s, const ptl_value *event, double now_s)
{
    struct str type = value_as_str(value_get(event, "type"));
    if (!type.n)
        return;
    s->events++;
    if (type.n > 7 && memcmp(type.p, "worker-", 7) == 0) {
        take_worker(s, type, event, now_s);
        return;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(type, types[i].type)) {
            take_task(s, types[i].state, event, now_s);
            return;
        }
}

/* ---- the order of the view ----------------------------------------------------------
 */

static struct seen_task *at(const struct list *l, const struct list *node)
{
    return node == l ? NULL : list_entry(node, struct seen_task, node);
}

struct seen_task *seen_first(const struct seen *s)
{
    struct seen_task *t = at(&s->running, s->running.next);
    return t ? t : at(&s->others, s->others.next);
}

struct seen_task *seen_next(const struct seen *s, const struct seen_task *t)
{
    struct seen_task *next = at(t->runs ? &s->running : &s->others, t->node.next);
    return next || !t->runs ? next : at(&s->others, s->others.next);
}

struct seen_task *seen_before(const struct seen *s, const struct seen_task *t)
{
    struct seen_task *before = at(t->runs ? &s->running : &s->others, t->node.prev);
    return before || t->runs ? before : at(&s->running, s->running.prev);
}
