/* SPDX-License-Identifier: Apache-2.0 */
/* celery.chord_unlock: how a producer whose own backend does not count the parts of
 * chords has one joined. It looks, again and again, whether all results are there. */
#include "apply.h"
#include "builtin.h"
#include "followup.h"
#include "join.h"

struct unlock {
    ptl_task *t;
    struct str group;
    const ptl_value *body;
    struct joined joined;
};

/* The task's own flag is left as it is. */
static void fail_chord(struct unlock *u)
{
    struct attempt a = attempt_begin(u->t);

    join_fail(u->t, u->group, u->body, &u->joined);
    attempt_end(u->t, &a);
}

/* None: for ever, as the row has it. */
static int32_t max_retries(ptl_task *t)
{
    int64_t most = ptl_arg_int_or(t, "max_retries", PTL_RETRY_FOREVER);

    if (most == PTL_RETRY_FOREVER)
        return 0;
    return most <= 0 ? PTL_NO_RETRIES : most < INT32_MAX ? (int32_t)most : INT32_MAX;
}

static void look_again(struct unlock *u)
{
    ptl_task *t = u->t;
    double s = ptl_arg_float_or(t, "interval", t->node->routes.chord_retry_interval_s);

    ptl_retry_with(t, .countdown_s = s > 0 ? s : -1, .max_retries = max_retries(t));
    if (t->flag.outcome != OUTCOME_FAILURE)
        return;
    joined_fail(t, &u->joined, "chord_unlock could not be retried: ", t->flag.kind,
                t->flag.text);
    fail_chord(u);
}

static void call_body(struct unlock *u)
{
    ptl_task *t = u->t;
    struct attempt a = attempt_begin(t);
    ptl_value *args = ptl_new_list_of(t, u->joined.results, NULL);

    if (args)
        apply_signature(t, u->body, args, NULL);
    if (attempt_end(t, &a))
        return;
    joined_fail(t, &u->joined, "Callback error: ", a.flag.kind, a.flag.text);
    fail_chord(u);
}

ptl_value *builtin_chord_unlock(ptl_task *t)
{
    const char *group = ptl_arg_str(t, "group_id");
    const ptl_value *nodes = builtin_items(t, ptl_arg_value(t, "result"));
    struct unlock u = {.t = t,
                       .group = str_of(group),
                       .body = ptl_arg_value(t, "callback")};

    if (!group || !nodes || ptl_failed(t))
        return NULL;
    if (!join_poll(t, nodes, &u.joined))
        look_again(&u);
    else if (u.joined.failed)
        fail_chord(&u);
    else
        call_body(&u);
    return NULL;
}
