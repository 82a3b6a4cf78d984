/* SPDX-License-Identifier: Apache-2.0 */
/* What is active, reserved, scheduled, revoked. */
#include "control.h"

#include "../../protocol/json.h"
#include "../../protocol/timestamp.h"

#define ETA_PRIORITY 6 /* of Celery's timer, for tasks with an ETA */

/* ---- walks over requests ------------------------------------------------------- */

struct walk {
    struct control_call *call;
    struct control_items items;
    void (*visit)(struct walk *walk, struct request *rq);
    const ptl_value *ids; /* of query_task: a map of those asked for */
    bool safe;
};

static void visit_state(struct walk *walk, enum request_state state)
{
    struct list *all = &walk->call->worker->requests[state];
    for (struct list *l = all->next; l != all; l = l->next)
        walk->visit(walk, list_entry(l, struct request, link));
}

static void visit_given(void *ctx, struct request *rq)
{
    struct walk *walk = ctx;
    if (rq->state == RQ_GIVEN && rq->mode == TASK_RUN && !rq->unread)
        walk->visit(walk, rq);
}

/* Its handler runs, or is going to, neither waiting for a time nor for a limit. */
static void visit_reserved(struct walk *walk)
{
    struct worker *w = walk->call->worker;
    visit_state(walk, RQ_RECEIVED);
    visit_state(walk, RQ_CHECKING);
    visit_state(walk, RQ_READY);
    if (w->pool)
        pool_each(w->pool, visit_given, walk);
}

static bool is_of_clients(const struct request *rq)
{
    return rq->mode == TASK_RUN && !rq->unread;
}

static void put_task(struct walk *walk, struct request *rq)
{
    if (!is_of_clients(rq) || !control_item_begin(&walk->items))
        return;
    control_put_task(walk->call, rq, walk->safe);
    control_item_end(&walk->items);
}

static void active(struct control_call *c)
{
    struct walk walk = {.call = c,
                        .visit = put_task,
                        .safe = value_truth(control_argument(c, "safe"))};
    control_items_begin(&walk.items, c, '[');
    visit_state(&walk, RQ_RUNNING);
    control_items_end(&walk.items);
}

static void reserved(struct control_call *c)
{
    struct walk walk = {.call = c, .visit = put_task};
    control_items_begin(&walk.items, c, '[');
    visit_reserved(&walk);
    control_items_end(&walk.items);
}

static void put_scheduled(struct walk *walk, struct request *rq)
{
    char eta[TIMESTAMP_TEXT];
    if (!is_of_clients(rq) || !control_item_begin(&walk->items))
        return;
    timestamp_format(eta, rq->due_us);
    wr_printf(walk->call->reply,
              "{\"eta\": \"%s\", \"priority\": %d, \"request\": ", eta, ETA_PRIORITY);
    control_put_task(walk->call, rq, false);
    wr_text(walk->call->reply, "}");
    control_item_end(&walk->items);
}

static void scheduled(struct control_call *c)
{
    struct walk walk = {.call = c, .visit = put_scheduled};
    control_items_begin(&walk.items, c, '[');
    visit_state(&walk, RQ_WAITING);
    control_items_end(&walk.items);
}

/* ---- query_task ---------------------------------------------------------------- */

static const char *state_for_clients(const struct request *rq)
{
    return rq->state == RQ_RUNNING   ? "active"
           : rq->state == RQ_WAITING ? "scheduled"
                                     : "reserved";
}

static void put_queried(struct walk *walk, struct request *rq)
{
    if (!is_of_clients(rq) || !value_find(walk->ids, rq->id) ||
        !control_item_begin(&walk->items))
        return;
    json_write_str(walk->call->reply, rq->id);
    wr_printf(walk->call->reply, ": [\"%s\", ", state_for_clients(rq));
    control_put_task(walk->call, rq, false);
    wr_text(walk->call->reply, "]");
    control_item_end(&walk->items);
}

/* A text or a list of texts, as a map, which finds each at once; NULL without memory.
 */
static const ptl_value *read_ids(struct control_call *c, const ptl_value *ids)
{
    ptl_value *map = value_map(c->arena, value_len(ids));
    const ptl_value *here = value_bool(c->arena, true);
    if (value_kind(ids) == PTL_STR)
        return value_map_set(c->arena, map, ids->u.s, here) ? map : NULL;
    for (size_t i = 0; map && i < value_len(ids); i++) {
        struct str id = value_as_str(value_at(ids, i));
        if (id.p && !value_map_set(c->arena, map, id, here))
            return NULL;
    }
    return map;
}

static void query_task(struct control_call *c)
{
    const ptl_value *ids = control_argument(c, "ids");
    struct walk walk = {.call = c, .visit = put_queried, .ids = read_ids(c, ids)};
    if (!ids) {
        control_raise(c, "TypeError", "'NoneType' object is not iterable");
        return;
    }
    if (!walk.ids) {
        control_error(c, "MemoryError()");
        return;
    }
    control_items_begin(&walk.items, c, '{');
    visit_state(&walk, RQ_RUNNING);
    visit_reserved(&walk);
    visit_state(&walk, RQ_WAITING);
    control_items_end(&walk.items);
}

/* ---- revoked ------------------------------------------------------------------- */

static void revoked(struct control_call *c)
{
    const struct limited *ids = &c->worker->revoke.ids;
    struct control_items items;
    control_items_begin(&items, c, '[');
    const struct limited_item *id = ids->n ? limited_first(ids) : NULL;
    for (; id; id = limited_next(ids, id)) {
        if (!control_item_begin(&items))
            continue;
        json_write_str(c->reply, limited_text(id));
        control_item_end(&items);
    }
    control_items_end(&items);
}

const struct control_command control_inspect_commands[] = {
    {.name = "active", .alias = "dump_active", .arguments = "[safe] *", .run = active},
    {.name = "reserved", .alias = "dump_reserved", .arguments = "*", .run = reserved},
    {.name = "scheduled", .alias = "dump_schedule", .arguments = "*", .run = scheduled},
    {.name = "query_task", .arguments = "ids *", .run = query_task},
    {.name = "revoked", .alias = "dump_revoked", .arguments = "*", .run = revoked},
    {0},
};
