/* SPDX-License-Identifier: Apache-2.0 */
/* attempt - follow-ups that are made whole or not at all. */
#include "followup.h"

struct attempt attempt_begin(struct ptl_task *t)
{
    struct attempt a = {.flag = t->flag, .children = t->children.len};

    if (t->followups) {
        a.bytes = t->followups->frames.len;
        a.effects = t->followups->n;
    }
    t->flag = (struct flag){.outcome = 0};
    return a;
}

bool attempt_end(struct ptl_task *t, struct attempt *a)
{
    struct flag before = a->flag;

    if (t->followups && t->followups->frames.bad)
        task_fail_memory(t);
    a->flag = t->flag;
    t->flag = before;
    if (!a->flag.outcome)
        return true;
    t->children.len = a->children;
    if (t->followups) {
        t->followups->frames.bad = false;
        t->followups->frames.len = a->bytes;
        t->followups->n = a->effects;
    }
    return false;
}
