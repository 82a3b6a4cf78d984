/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that are not to be run, or not any longer: revoke and terminate. */
#include "control_parts.h"

#include "../../protocol/json.h"
#include "../clock.h"
#include "../request/revocation.h"

#include <stdlib.h>

/* ---- the ids ------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    struct str x = *(const struct str *)a, y = *(const struct str *)b;
    int r = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return r ? r : (x.n > y.n) - (x.n < y.n);
}

/* Python has a set of them. */
static void sort_unique(struct control_ids *ids)
{
    size_t n = 0;
    if (ids->n > 0)
        qsort(ids->all, ids->n, sizeof(*ids->all), compare);
    for (size_t i = 0; i < ids->n; i++)
        if (n == 0 || !str_eq(ids->all[n - 1], ids->all[i]))
            ids->all[n++] = ids->all[i];
    ids->n = n;
}

static bool add_id(struct control_call *c, struct control_ids *ids, const ptl_value *v)
{
    if (value_kind(v) == PTL_LIST || value_kind(v) == PTL_MAP) {
        control_raise(c, "TypeError", "unhashable type: '%s'", control_type_name(v));
        return false;
    }
    if (value_kind(v) == PTL_STR)
        ids->all[ids->n++] = v->u.s;
    else if (!ids->other)
        ids->other = v;
    return true;
}

/* set(maybe_list(task_id) or []). False: the reply says why not. */
static bool read_ids(struct control_call *c, struct control_ids *ids)
{
    const ptl_value *v = control_argument(c, "task_id");
    bool many = value_kind(v) == PTL_LIST;
    size_t n = many ? value_len(v) : v != NULL;
    *ids = (struct control_ids){
        .all = arena_alloc(c->arena, (n + 1) * sizeof(struct str))};
    if (!ids->all) {
        control_raise(c, "MemoryError", "too many ids");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!add_id(c, ids, many ? value_at(v, i) : v))
            return false;
    sort_unique(ids);
    return true;
}

/* ---- what is known here --------------------------------------------------------- */

struct search {
    const struct limited *wanted;
    struct control_ids *found;
};

static void note_known(void *ctx, struct request *rq)
{
    struct search *s = ctx;
    if (rq->mode == TASK_RUN && limited_has(s->wanted, rq->id))
        s->found->all[s->found->n++] = rq->id;
}

static void search_list(struct search *s, struct worker *w, enum request_state state)
{
    struct list *all = &w->requests[state];
    for (struct list *l = all->next; l != all; l = l->next)
        note_known(s, list_entry(l, struct request, link));
}

/* Received and not done, whether it waits or runs: Celery's state.requests. */
static void search_all(struct search *s, struct worker *w)
{
    static const enum request_state states[] = {RQ_RECEIVED, RQ_WAITING, RQ_CHECKING,
                                                RQ_READY};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        search_list(s, w, states[i]);
    if (w->throttle)
        throttle_each(w->throttle, note_known, s);
    if (w->pool)
        pool_each(w->pool, note_known, s);
}

/* A namesake that was sent twice is one: room for each request there is. */
static bool find_known(struct control_call *c, const struct control_ids *ids,
                       struct control_ids *found)
{
    struct worker *w = c->worker;
    struct limited wanted;
    *found = (struct control_ids){
        .all = arena_alloc(c->arena, (w->nrequests + 1) * sizeof(struct str))};
    if (!found->all) {
        control_raise(c, "MemoryError", "too many tasks");
        return false;
    }
    limited_init(&wanted, ids->n, 0);
    for (size_t i = 0; i < ids->n; i++)
        limited_add(&wanted, ids->all[i], 0);
    search_all(&(struct search){&wanted, found}, w);
    limited_finish(&wanted);
    /* The requests may go while they are revoked. */
    for (size_t i = 0; i < found->n; i++)
        found->all[i] = arena_copy(c->arena, found->all[i]);
    if (c->arena->failed)
        found->n = 0;
    sort_unique(found);
    return true;
}

/* ---- revoke, terminate ---------------------------------------------------------- */

static void put_joined(struct wr *out, const struct control_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        wr_printf(out, "%s" STR_FMT, i ? ", " : "", STR_ARG(ids->all[i]));
}

/* tasks {'a', 'b'} flagged as revoked */
static void answer_revoked(struct control_call *c, const struct control_ids *ids)
{
    struct wr text;
    wr_init(&text, CONTROL_REPLY_MAX);
    wr_text(&text, ids->n ? "tasks {" : "tasks set(");
    for (size_t i = 0; i < ids->n; i++) {
        wr_text(&text, i ? ", " : "");
        pyrepr(&text, &(ptl_value){.kind = PTL_STR, .u.s = ids->all[i]});
    }
    wr_text(&text, ids->n ? "} flagged as revoked" : ") flagged as revoked");
    control_ok_text(c, &text);
}

static void answer_terminated(struct control_call *c, const struct control_ids *known)
{
    struct wr text;
    wr_init(&text, CONTROL_REPLY_MAX);
    wr_text(&text, known->n ? "terminate: " : "terminate: tasks unknown");
    put_joined(&text, known);
    control_ok_text(c, &text);
}

static void flag(struct control_call *c, const struct control_ids *ids)
{
    struct wr line;
    if (ids->other) {
        control_raise(c, "TypeError",
                      "sequence item 0: expected str instance, %s found",
                      control_type_name(ids->other));
        return;
    }
    wr_init(&line, 64 << 10);
    put_joined(&line, ids);
    log_line(LOG_INFO, "Tasks flagged as revoked: %.*s", STR_ARG(wr_str(&line)));
    wr_finish(&line);
    answer_revoked(c, ids);
}

/* What waits is dropped by the revoke, without a signal: it is only named. */
static void terminate_known(struct control_call *c, const struct control_ids *known,
                            int signum)
{
    struct worker *w = c->worker;
    for (size_t i = 0; i < known->n; i++)
        log_line_of(&(struct log_subject){.task_id = known->all[i].p}, LOG_INFO,
                    "Terminating %s (%d)", known->all[i].p, signum);
    if (w->pool)
        revocation_terminate(w, known->all, known->n, signum);
    answer_terminated(c, known);
}

static void revoke_all(struct control_call *c, const struct control_ids *ids,
                       bool terminate)
{
    struct control_ids known = {0};
    int signum = 0;
    if (terminate && !find_known(c, ids, &known))
        return;
    revocation_revoke(c->worker, ids->all, ids->n);
    if (!terminate)
        flag(c, ids);
    else if (control_read_signal(c, &signum))
        terminate_known(c, &known, signum);
}

static void revoke_tasks(struct control_call *c)
{
    struct control_ids ids;
    if (read_ids(c, &ids))
        revoke_all(c, &ids, value_truth(control_argument(c, "terminate")));
}

static void terminate_tasks(struct control_call *c)
{
    struct control_ids ids;
    if (read_ids(c, &ids))
        revoke_all(c, &ids, true);
}

/* ---- asking others ------------------------------------------------------------ */

void control_tell_revoked(struct worker *w, struct str id)
{
    struct wr arguments;
    if (!w->bus)
        return;
    wr_init(&arguments, 4096);
    wr_text(&arguments, "{\"task_id\": [");
    json_write_str(&arguments, id);
    wr_text(&arguments, "], \"terminate\": false, \"signal\": null}");
    const struct bus_request request = {.method = STR("revoke"),
                                        .arguments = wr_str(&arguments),
                                        .clock = clock_forward(&w->clock)};
    if (arguments.bad || !w->bus->ops->tell(w->bus, &request))
        log_line(LOG_WARNING,
                 "other workers are not told that " STR_FMT
                 " is revoked: the remote control's connection takes nothing now",
                 STR_ARG(id));
    wr_finish(&arguments);
}

const struct control_command control_revoke_commands[] = {
    {.name = "revoke",
     .arguments = "task_id [terminate] [signal] *",
     .run = revoke_tasks},
    {.name = "terminate", .arguments = "signal task_id *", .run = terminate_tasks},
    {.name = "revoke_by_stamped_headers",
     .arguments = "headers [terminate] [signal] *",
     .run = control_revoke_stamped},
    {0},
};
