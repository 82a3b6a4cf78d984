/* SPDX-License-Identifier: Apache-2.0 */
/* join_gather - the results of a chord's parts.
 *
 * They lie in the order of their places, each with its state. If a part was itself a
 * group, the header's shape was saved, and the results are read one by one. */
#include "document.h"
#include "join.h"
#include "outcome_read.h"

/* ---- Why not -------------------------------------------------------------------- */

static void fail_with(struct ptl_task *t, struct joined *j, struct str prefix,
                      const struct result_error *cause)
{
    ptl_value *args = value_list(t->reserve, 1);
    struct wr w;

    if (j->failed)
        return;
    wr_init(&w, 64u << 10);
    wr_put(&w, prefix);
    result_exception_repr(&w, cause);
    value_list_add(t->reserve, args,
                   value_str(t->reserve, arena_copy(t->reserve, wr_str(&w))));
    wr_finish(&w);
    j->failed = true;
    j->error = (struct result_error){STR("ChordError"), STR("celery.exceptions"), args};
    j->cause = j->error;
}

void joined_fail(struct ptl_task *t, struct joined *j, const char *what,
                 const char *kind, struct str text)
{
    ptl_value *args = value_list(t->reserve, 1);
    struct result_error cause = {.args = args};

    result_exception_name(str_of(kind), STR("builtins"), &cause.type, &cause.module);
    value_list_add(t->reserve, args, value_str(t->reserve, text));
    fail_with(t, j, str_of(what), &cause);
}

/* Of a part that did not succeed. */
static void fail_of_part(struct ptl_task *t, struct joined *j, struct str id,
                         const struct result_error *cause)
{
    struct wr w;

    if (j->failed)
        return;
    wr_init(&w, 4096);
    wr_printf(&w, "Dependency " STR_FMT " raised ", STR_ARG(id));
    fail_with(t, j, wr_str(&w), cause);
    wr_finish(&w);
    j->cause = *cause;
}

static void fail_of_document(struct ptl_task *t, struct joined *j)
{
    joined_fail(t, j, "Join error: ", t->arena->failed ? "MemoryError" : "ValueError",
                STR("the result of a part cannot be read"));
}

/* ---- Flat ------------------------------------------------------------------------ */

struct gathering {
    struct ptl_task *t;
    struct joined *j;
    ptl_value *results;     /* in one list */
    const ptl_value *nodes; /* of a saved header; NULL: there is none */
    bool waits;             /* polling: a result is not there yet */
};

/* [1, id, state, result] */
static void take_part(void *ctx, struct str document)
{
    struct gathering *g = ctx;
    struct arena *a = g->t->arena;
    const ptl_value *part;
    struct outcome o;

    if (g->j->failed)
        return;
    part = document.p ? document_read(a, g->t->node, document) : NULL;
    if (value_len(part) != 4) {
        fail_of_document(g->t, g->j);
        return;
    }
    o = outcome_of(a, value_as_str(value_at(part, 2)), value_at(part, 3));
    if (o.has_error)
        fail_of_part(g->t, g->j, value_as_str(value_at(part, 1)), &o.error);
    else if (!value_list_add(a, g->results, o.value))
        fail_of_document(g->t, g->j);
}

static void read_ids(struct gathering *g, enum frame_read_what what, struct str id,
                     void (*each)(void *ctx, struct str document))
{
    struct ptl_task *t = g->t;
    struct str ids = arena_copy(t->arena, id); /* with a NUL */

    if (ids.p)
        t->sink->read(t, what, (struct str){ids.p, ids.n + 1}, each, g);
}

/* ---- Nested ---------------------------------------------------------------------- */

/* [[id, parent], nodes], nodes being a list for a group and null for a task. */
static struct str tuple_id(const ptl_value *tuple)
{
    const ptl_value *first = value_at(tuple, 0);

    return value_as_str(value_kind(first) == PTL_LIST ? value_at(first, 0) : first);
}

static const ptl_value *tuple_nodes(const ptl_value *tuple)
{
    const ptl_value *nodes = value_at(tuple, 1);

    return value_kind(nodes) == PTL_LIST ? nodes : NULL;
}

/* The reader's limit of depth bounds the recursion, here and below. */
static void put_leaves(struct wr *ids, const ptl_value *nodes)
{
    for (size_t i = 0; i < value_len(nodes); i++) {
        const ptl_value *node = value_at(nodes, i);

        if (tuple_nodes(node)) {
            put_leaves(ids, tuple_nodes(node));
        } else {
            wr_put(ids, tuple_id(node));
            wr_u8(ids, 0);
        }
    }
}

static const ptl_value none = {.kind = PTL_NULL};

static void take_leaf(void *ctx, struct str document)
{
    struct gathering *g = ctx;
    struct arena *a = g->t->arena;
    struct outcome o;

    if (g->j->failed)
        return;
    if (!document.p) {
        joined_fail(g->t, g->j, "Join error: ", "TimeoutError",
                    STR("The operation timed out."));
        return;
    }
    o = outcome_read(a, document_read(a, g->t->node, document));
    if (o.has_error && str_is(o.error.type, "ChordError")) {
        g->j->failed = true;
        g->j->error = g->j->cause = o.error;
    } else if (o.has_error) {
        fail_with(g->t, g->j, STR("Join error: "), &o.error);
    } else if (!value_list_add(a, g->results, o.value ? o.value : &none)) {
        fail_of_document(g->t, g->j);
    }
}

static ptl_value *shape(struct arena *a, const ptl_value *nodes,
                        const ptl_value *leaves, size_t *at)
{
    ptl_value *list = value_list(a, value_len(nodes));

    for (size_t i = 0; i < value_len(nodes); i++) {
        const ptl_value *inner = tuple_nodes(value_at(nodes, i));

        value_list_add(a, list,
                       inner ? shape(a, inner, leaves, at) : value_at(leaves, (*at)++));
    }
    return list;
}

/* {"result": tuple}, if the header was saved. */
static void take_group(void *ctx, struct str document)
{
    struct gathering *g = ctx;
    const ptl_value *v =
        document.p ? document_read(g->t->arena, g->t->node, document) : NULL;

    g->nodes = tuple_nodes(value_get(v, "result"));
}

/* Celery's words name no part here. */
static void fail_of_polled(struct gathering *g, const struct result_error *cause)
{
    if (g->j->failed)
        return;
    fail_with(g->t, g->j, STR(""), cause);
    g->j->cause = *cause;
}

/* Whoever failed, the others are waited for. */
static void take_polled(void *ctx, struct str document)
{
    struct gathering *g = ctx;
    struct arena *a = g->t->arena;
    struct outcome o =
        outcome_read(a, document.p ? document_read(a, g->t->node, document) : NULL);

    if (!result_status_final(o.state))
        g->waits = true;
    else if (o.has_error)
        fail_of_polled(g, &o.error);
    else if (!value_list_add(a, g->results, o.value ? o.value : &none))
        fail_of_document(g->t, g->j);
}

static void gather_leaves(struct gathering *g,
                          void (*each)(void *ctx, struct str document))
{
    struct ptl_task *t = g->t;
    size_t at = 0;
    struct wr ids;

    wr_init(&ids, frame_max_bytes(t->node->message_max_bytes) / 4);
    put_leaves(&ids, g->nodes);
    if (ids.bad)
        fail_of_document(t, g->j);
    else if (ids.len)
        t->sink->read(t, FRAME_READ_RESULTS, wr_str(&ids), each, g);
    wr_finish(&ids);
    g->j->results =
        g->j->failed || g->waits ? NULL : shape(t->arena, g->nodes, g->results, &at);
}

bool join_gather(struct ptl_task *t, struct str group, struct joined *j)
{
    struct gathering g = {.t = t, .j = j, .results = value_list(t->arena, 0)};

    read_ids(&g, FRAME_READ_GROUP, group, take_group);
    if (g.nodes) {
        gather_leaves(&g, take_leaf);
    } else {
        read_ids(&g, FRAME_READ_PARTS, group, take_part);
        j->results = g.results;
    }
    if (t->arena->failed)
        fail_of_document(t, j);
    return !j->failed;
}

bool join_poll(struct ptl_task *t, const ptl_value *nodes, struct joined *j)
{
    struct gathering g = {.t = t,
                          .j = j,
                          .results = value_list(t->arena, 0),
                          .nodes = nodes};

    gather_leaves(&g, take_polled);
    if (t->arena->failed)
        fail_of_document(t, j);
    return !g.waits;
}
