/* SPDX-License-Identifier: Apache-2.0 */
/* redis_scripts - what must happen in Redis in one step, in Lua.
 *
 * Lua does not roll back: each script writes the new place of a message before it
 * removes the old one, so that an error half way (a wrong type, a missing right) leaves
 * a message in two places, never in none. `unacked_index` is written before `unacked`:
 * an index entry without a message is swept away by kombu, the reverse would stay. */
#ifndef PETIOLE_REDIS_SCRIPTS_H
#define PETIOLE_REDIS_SCRIPTS_H

#include "redis.h"

struct redis_scripts {
    /* KEYS unacked, unacked_index, dead, list…
     * ARGV want, tag prefix, first counter, largest message, bytes in all, how many of
     *      a list to look at at once, then per list what stands behind the envelope in
     *      `unacked`
     * → place of the list, its envelopes, newest first … in the order they were taken;
     *   for what went to the dead letters instead: place of the list, "dead <reason>";
     *   for a key that is no list: its place, "error <text>" */
    struct redis_script fetch;
    /* KEYS unacked, unacked_index, route, dead
     * ARGV tag, where ("front" | "back"), text, tail, the route's (redis_route.h)
     *      text empty: the held bytes without their tail
     * → 1, 0 if another worker has it, 2 if it is a dead letter for want of a queue */
    struct redis_script move;
    /* KEYS unacked, unacked_index, dead, route…
     * ARGV tag, then per message its text and the route's
     * → nothing if another worker has the delivery; else 1, and of each message that is
     *   a dead letter its place, from 1 on, and why */
    struct redis_script replace;
    /* KEYS route, dead, marker   ARGV text, the route's → 1 | 2 as above. The marker
     * keeps a second sending of the same from publishing it again */
    struct redis_script publish;
    /* KEYS unacked, unacked_index, dead   ARGV tag, tail, queue, reason, task, id → 1 |
     * 0
     */
    struct redis_script bury;
    /* KEYS unacked_index   ARGV (tag, Unix time or 0 for now)… → the tags not there */
    struct redis_script renew;
    /* KEYS nodes   ARGV liveness prefix → ids whose liveness key is gone */
    struct redis_script absent;
    /* KEYS inbox, source → how many went back, each to where it came from */
    struct redis_script unbox;
    /* KEYS unacked_index   ARGV visibility timeout, limit → overdue tags, newest first
     */
    struct redis_script overdue;
    /* KEYS lock   ARGV token → 1 if it was ours and is released */
    struct redis_script unlock;
    /* KEYS bindings, deadlines   ARGV member, exchange, time to live in ms */
    struct redis_script bind;
    /* KEYS deadlines   ARGV binding, binding_permanent: both without an exchange */
    struct redis_script sweep_bindings;
};

/* A fresh set, to be loaded on each connection. */
void redis_scripts_init(struct redis_scripts *s);
/* The set as an array for redis_load_scripts; returns how many. */
#define REDIS_SCRIPTS 12
void redis_scripts_list(struct redis_scripts *s,
                        struct redis_script *out[REDIS_SCRIPTS]);

#endif
