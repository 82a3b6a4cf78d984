/* SPDX-License-Identifier: Apache-2.0 */
/* children - what a task has sent, as `children` of its result lists it. */
#include "../../protocol/json.h"
#include "task.h"

/* The whole item, or nothing more at all. */
static void add(struct ptl_task *t, struct str item, bool bad)
{
    t->children_cut = bad || item.n + 2 > t->children.max - t->children.len;
    if (t->children_cut) {
        ptl_log(t, PTL_WARNING,
                "it sends so many tasks that `children` lists only the first of them: "
                "PTL_NO_TRAIL in its row does without");
        return;
    }
    if (t->children.len)
        wr_put(&t->children, STR(", "));
    wr_put(&t->children, item);
}

static bool is_off(const struct ptl_task *t)
{
    return t->trail_is_off || t->children_cut || t->row->def.flags & PTL_NO_TRAIL;
}

void task_add_tuple(struct ptl_task *t, const ptl_value *tuple)
{
    struct wr item;

    if (is_off(t) || value_is_null(tuple))
        return;
    wr_init(&item, t->children.max);
    json_write(&item, tuple);
    add(t, wr_str(&item), item.bad);
    wr_finish(&item);
}

void task_add_child(struct ptl_task *t, struct str id)
{
    struct wr item;

    if (is_off(t))
        return;
    wr_init(&item, t->children.max);
    wr_put(&item, STR("[["));
    json_write_str(&item, id);
    wr_put(&item, STR(", null], null]"));
    add(t, wr_str(&item), item.bad);
    wr_finish(&item);
}
