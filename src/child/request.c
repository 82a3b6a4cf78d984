/* SPDX-License-Identifier: Apache-2.0 */
/* request - what a handler may know of its message, its worker and its plugin. */
#include "task.h"

const char *ptl_task_id(const ptl_task *t)
{
    return t->id;
}

const char *ptl_task_name(const ptl_task *t)
{
    return t->row->def.name;
}

/* A task without a root is its own, as in Celery. */
const char *ptl_root_id(const ptl_task *t)
{
    return t->root_id ? t->root_id : t->id;
}

const char *ptl_parent_id(const ptl_task *t)
{
    return t->parent_id;
}

const char *ptl_trace_id(const ptl_task *t)
{
    return t->trace_id;
}

const char *ptl_hostname(const ptl_task *t)
{
    return t->node->hostname;
}

int64_t ptl_retries(const ptl_task *t)
{
    return t->message.retries;
}

bool ptl_redelivered(const ptl_task *t)
{
    return t->redelivered;
}

static ptl_value *copy_text(struct arena *a, const ptl_value *v)
{
    ptl_value *copy = value_null(a);

    if (!copy)
        return NULL;
    *copy = *v;
    copy->u.s = arena_copy(a, v->u.s);
    return copy->u.s.p ? copy : NULL;
}

static ptl_value *copy_list(struct arena *a, const ptl_value *v)
{
    ptl_value *copy = value_list(a, value_len(v));

    for (size_t i = 0; copy && i < value_len(v); i++)
        if (!value_list_add(a, copy, task_with_nuls(a, value_at(v, i))))
            return NULL;
    return copy;
}

static ptl_value *copy_map(struct arena *a, const ptl_value *v)
{
    ptl_value *copy = value_map(a, value_len(v));

    for (size_t i = 0; copy && i < value_len(v); i++) {
        struct str key = arena_copy(a, v->u.map.pairs[i].key);

        if (!key.p || !value_map_set(a, copy, key, task_with_nuls(a, ptl_at(v, i))))
            return NULL;
    }
    return copy;
}

const ptl_value *task_with_nuls(struct arena *a, const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_STR:
    case PTL_BYTES:
    case PTL_BIGINT:
        return copy_text(a, v);
    case PTL_LIST:
        return copy_list(a, v);
    case PTL_MAP:
        return copy_map(a, v);
    default:
        return v;
    }
}

const ptl_value *ptl_header(const ptl_task *t, const char *name)
{
    const ptl_value *v = value_get(t->message.headers, name);
    const ptl_value *copy = v ? task_with_nuls(t->arena, v) : NULL;

    return v && !copy ? task_fail_memory((ptl_task *)t) : copy;
}

const char *ptl_setting(const ptl_task *t, const char *name)
{
    return settings_get(&t->node->settings, name);
}

void *ptl_state(const ptl_task *t)
{
    return t->row->module->state;
}
