/* SPDX-License-Identifier: Apache-2.0 */
/* redis_declare - the binding of a queue, for whoever publishes to it by its name. */
#ifndef PETIOLE_REDIS_DECLARE_H
#define PETIOLE_REDIS_DECLARE_H

#include "../queue.h"
#include "redis.h"
#include "redis_keys.h"

/* As `queues` have it; one that they lack has an exchange of its own name. `bind` is
 * the script of that name, loaded. Nobody waits for the answers. */
void redis_declare_named(struct redis *r, const struct redis_keys *k,
                         const struct redis_script *bind,
                         const struct queue_table *queues, struct str name);

#endif
