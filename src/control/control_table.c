/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the remote control in one list. */
#include "control.h"

static const struct control_command *const lists[] = {
    control_inspect_commands, control_stats_commands,  control_memory_commands,
    control_tasks_commands,   control_conf_commands,   control_revoke_commands,
    control_limits_commands,  control_pool_commands,   control_consumer_commands,
    control_event_commands,   control_mingle_commands, control_gossip_commands,
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static bool is_called(const struct control_command *c, struct str name)
{
    return str_is(name, c->name) || (c->alias && str_is(name, c->alias));
}

const struct control_command *control_find(struct str method)
{
    for (size_t i = 0; i < LISTS; i++)
        for (const struct control_command *c = lists[i]; c->name; c++)
            if (is_called(c, method))
                return c;
    return NULL;
}
