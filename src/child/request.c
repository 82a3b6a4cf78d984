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

const ptl_value *ptl_header(const ptl_task *t, const char *name)
{
    return value_get(t->message.headers, name);
}

const char *ptl_setting(const ptl_task *t, const char *name)
{
    return settings_get(&t->node->settings, name);
}

void *ptl_state(const ptl_task *t)
{
    return t->row->module->state;
}
