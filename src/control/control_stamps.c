/* SPDX-License-Identifier: Apache-2.0 */
/* revoke_by_stamped_headers: tasks that are not to be run, by a stamp they carry. */
#include "control_parts.h"

#include "../../protocol/envelope.h"
#include "../request/revocation.h"

#define STAMPS_IN_REQUEST 1000u /* as many as are remembered */

/* ---- the argument --------------------------------------------------------------- */

/* "k=v" is k: v; what follows a second "=" is left out, as by split('=')[1]. */
static bool add_text(struct control_call *c, ptl_value *map, const ptl_value *item)
{
    struct str text = value_as_str(item);
    const char *eq = text.n ? memchr(text.p, '=', text.n) : NULL;
    if (!text.p) {
        control_raise(c, "AttributeError", "'%s' object has no attribute 'split'",
                      control_type_name(item));
        return false;
    }
    if (!eq) {
        control_raise(c, "IndexError", "list index out of range");
        return false;
    }
    struct str value = {eq + 1, (size_t)(text.p + text.n - eq - 1)};
    const char *second = value.n ? memchr(value.p, '=', value.n) : NULL;
    if (second)
        value.n = (size_t)(second - value.p);
    return value_map_set(c->arena, map, (struct str){text.p, (size_t)(eq - text.p)},
                         value_str(c->arena, arena_copy(c->arena, value)));
}

static const ptl_value *read_headers(struct control_call *c)
{
    const ptl_value *v = value_get(c->arguments, "headers");
    if (value_kind(v) == PTL_MAP)
        return v;
    if (value_kind(v) != PTL_LIST) {
        control_raise(c, "AttributeError", "'%s' object has no attribute 'items'",
                      control_type_name(v));
        return NULL;
    }
    ptl_value *map = value_map(c->arena, value_len(v));
    for (size_t i = 0; map && i < value_len(v); i++)
        if (!add_text(c, map, value_at(v, i)))
            return NULL;
    return map;
}

/* ---- what runs and carries one ----------------------------------------------------
 */

struct match {
    struct control_call *c;
    const ptl_value *headers;
    ptl_value *found; /* header: the stamps of it that were met */
    int signum;
};

static size_t count(const ptl_value *v)
{
    return value_kind(v) == PTL_LIST ? value_len(v) : !value_is_null(v);
}

static const ptl_value *nth(const ptl_value *v, size_t i)
{
    return value_kind(v) == PTL_LIST ? value_at(v, i) : v;
}

static bool has(const ptl_value *values, const ptl_value *wanted)
{
    for (size_t i = 0; i < count(values); i++)
        if (value_equal(nth(values, i), wanted))
            return true;
    return false;
}

static void note_found(struct match *m, struct str header, const ptl_value *stamp)
{
    const ptl_value *known = value_find(m->found, header);
    ptl_value *list =
        known ? (ptl_value *)(uintptr_t)known : value_list(m->c->arena, 1);
    if (!known)
        value_map_set(m->c->arena, m->found, header, list);
    if (list && !has(list, stamp))
        value_list_add(m->c->arena, list, stamp);
}

/* Python intersects sets: what cannot be in one never matches. */
static bool meets(struct match *m, struct str header, const ptl_value *wanted,
                  const ptl_value *actual)
{
    bool any = false;
    for (size_t i = 0; i < count(wanted); i++) {
        const ptl_value *stamp = nth(wanted, i);
        if (value_kind(stamp) < PTL_LIST && has(actual, stamp)) {
            note_found(m, header, stamp);
            any = true;
        }
    }
    return any;
}

static void terminate_one(struct match *m, struct request *rq)
{
    struct worker *w = m->c->worker;
    struct envelope e;
    const char *why;
    bool any = false;
    if (!rq->has_stamps || rq->mode != TASK_RUN || !rq->child ||
        !envelope_read(m->c->arena, rq->raw, &e, &why))
        return;
    const ptl_value *stamps = value_get(e.headers, "stamps");
    for (size_t i = 0; i < value_len(m->headers); i++) {
        const struct value_pair *pair = &m->headers->u.map.pairs[i];
        const ptl_value *actual = value_find(stamps, pair->key);
        any |= !value_is_null(actual) && meets(m, pair->key, pair->value, actual);
    }
    if (any)
        pool_terminate(w->pool, rq, m->signum);
}

static void terminate_running(struct match *m)
{
    struct list *running = &m->c->worker->requests[RQ_RUNNING], *next;
    for (struct list *l = running->next; l != running; l = next) {
        next = l->next;
        terminate_one(m, list_entry(l, struct request, link));
    }
}

/* ---- the reply ---------------------------------------------------------------------
 */

/* headers {'k': ['v']} flagged as revoked, but not terminated */
static void answer(struct control_call *c, const ptl_value *headers, const char *what)
{
    struct wr text;
    wr_init(&text, CONTROL_REPLY_MAX);
    wr_text(&text, "headers ");
    pyrepr(&text, headers);
    wr_printf(&text, " %s", what);
    control_ok_text(c, &text);
}

/* headers defaultdict(<class 'set'>, {'k': {'v'}}) revoked */
static void answer_found(struct control_call *c, const ptl_value *found)
{
    struct wr text;
    wr_init(&text, CONTROL_REPLY_MAX);
    wr_text(&text, "headers defaultdict(<class 'set'>, {");
    for (size_t i = 0; found && i < value_len(found); i++) {
        const struct value_pair *pair = &found->u.map.pairs[i];
        wr_text(&text, i ? ", " : "");
        pyrepr(&text, &(ptl_value){.kind = PTL_STR, .u.s = pair->key});
        wr_text(&text, ": {");
        for (size_t k = 0; k < value_len(pair->value); k++) {
            wr_text(&text, k ? ", " : "");
            pyrepr(&text, value_at(pair->value, k));
        }
        wr_text(&text, "}");
    }
    wr_text(&text, "}) revoked");
    control_ok_text(c, &text);
}

void control_revoke_stamped(struct control_call *c)
{
    struct match m = {.c = c};
    if (!control_read_signal(c, &m.signum) || !(m.headers = read_headers(c)))
        return;
    size_t stamps = 0;
    for (size_t i = 0; i < value_len(m.headers); i++)
        stamps += count(m.headers->u.map.pairs[i].value);
    if (stamps > STAMPS_IN_REQUEST) {
        control_raise(c, "ValueError", "more than %u stamps", STAMPS_IN_REQUEST);
        return;
    }
    for (size_t i = 0; i < value_len(m.headers); i++)
        revocation_revoke_stamp(c->worker, m.headers->u.map.pairs[i].key,
                                m.headers->u.map.pairs[i].value);
    if (!value_truth(control_argument(c, "terminate"))) {
        answer(c, m.headers, "flagged as revoked, but not terminated");
        return;
    }
    m.found = value_map(c->arena, 4);
    if (m.found)
        terminate_running(&m);
    if (value_len(m.found) > 0)
        answer_found(c, m.found);
    else
        answer(c, m.headers, "were not terminated");
}
