/* SPDX-License-Identifier: Apache-2.0 */
/* join - a chord is complete: its results are gathered, and its body called with them.
 */
#include "join.h"

#include "apply.h"
#include "followup.h"
#include "settle.h"

#define DEPTH_MAX 200 /* no message is read that is deeper */

/* ---- Which chord ---------------------------------------------------------------- */

struct chord {
    const ptl_value *body;
    struct str group;
};

static bool find_in(const ptl_value *sig, struct str id, unsigned depth,
                    struct chord *found);

static bool find_among(const ptl_value *list, struct str id, unsigned depth,
                       struct chord *found)
{
    for (size_t i = 0; value_kind(list) == PTL_LIST && i < value_len(list); i++)
        if (find_in(value_at(list, i), id, depth, found))
            return true;
    return false;
}

/* Wherever a part can have followed from: the rest of a chain, a chord's body, the
 * chord that it is itself a part of. */
static bool find_in(const ptl_value *sig, struct str id, unsigned depth,
                    struct chord *found)
{
    const ptl_value *options = value_get(sig, "options");
    const ptl_value *kwargs = value_get(sig, "kwargs");
    const ptl_value *chord = value_get(options, "chord");

    if (value_kind(sig) != PTL_MAP || depth == 0)
        return false;
    if (value_truth(chord) && str_eq(value_as_str(value_get(options, "task_id")), id)) {
        *found = (struct chord){chord, value_as_str(value_get(options, "group_id"))};
        return true;
    }
    return find_among(value_get(options, "chain"), id, depth - 1, found) ||
           find_in(value_get(kwargs, "body"), id, depth - 1, found) ||
           find_among(value_get(kwargs, "tasks"), id, depth - 1, found) ||
           find_in(chord, id, depth - 1, found);
}

static bool find_chord(const struct ptl_task *t, struct str id, struct chord *found)
{
    const ptl_value *own = value_get(t->body.embed, "chord");

    if (value_truth(own) && str_eq(id, t->message.id)) {
        *found = (struct chord){own, t->message.group};
        return true;
    }
    return find_among(value_get(t->body.embed, "chain"), id, DEPTH_MAX, found) ||
           find_in(own, id, DEPTH_MAX, found);
}

/* ---- Its end -------------------------------------------------------------------- */

static void end(struct ptl_task *t, const struct chord *c, bool sent)
{
    struct frame_effect e = {.kind = EFFECT_CHORD_END, .group = c->group, .size = sent};

    task_effect(t, &e, NULL);
}

/* Its children are what it called itself, and its result is stored. */
static bool call_body(struct ptl_task *t, const struct chord *c,
                      const ptl_value *results)
{
    ptl_value *args = value_list(t->arena, 1);
    bool trail_was_off = t->trail_is_off, ok;

    t->trail_is_off = true;
    ok = value_list_add(t->arena, args, results) &&
         apply_signature(t, c->body, args, NULL);
    t->trail_is_off = trail_was_off;
    return ok || task_fail_memory(t);
}

static bool try_body(struct ptl_task *t, const struct chord *c, struct joined *j)
{
    struct attempt a = attempt_begin(t);

    call_body(t, c, j->results);
    if (attempt_end(t, &a))
        return true;
    joined_fail(t, j, "Callback error: ", a.flag.kind, a.flag.text);
    return false;
}

void settle_joined(struct job *job, const struct frame_task *f)
{
    struct ptl_task *t = &job->task;
    struct chord chord;
    struct joined j = {.results = NULL};
    struct str scope = arena_copy(t->arena, f->part);

    if (!scope.p || !find_chord(t, f->part, &chord)) {
        ptl_log(t, PTL_ERROR, "its message has no chord of which " STR_FMT " is a part",
                STR_ARG(f->part));
        return;
    }
    job->followups.scope = scope.p;
    bool sent = join_gather(t, chord.group, &j) && try_body(t, &chord, &j);
    if (!sent)
        join_fail(t, chord.group, chord.body, &j);
    end(t, &chord, sent);
}
