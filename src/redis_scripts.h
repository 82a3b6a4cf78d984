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
    /* KEYS unacked, unacked_index, dead, source…
     * ARGV want, tag prefix, first counter, largest message, bytes in all,
     *      then per source: number, queue, what stands behind the envelope in `unacked`
     * → number, envelope, number, envelope … in the order they were taken; for what
     *   went to the dead letters instead: "dead <reason>", queue */
    struct redis_script fetch;
    /* KEYS unacked, unacked_index
     * ARGV tag, where ("front" | "back"), list, text, tail
     *      text empty: the held bytes without their tail
     * KEYS[3], ARGV[6], if given: the bindings of an exchange, and a routing key; then
     *      `list` is only what stands behind the name of each queue bound to the key
     * → 1, 0 if another worker has it, 2 if only Python can tell its queue */
    struct redis_script move;
    /* KEYS unacked, unacked_index, dead   ARGV tag, tail, queue, reason → 1 | 0 */
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
};

/* A fresh set, to be loaded on each connection. */
void redis_scripts_init(struct redis_scripts *s);
/* The set as an array for redis_load_scripts; returns how many. */
#define REDIS_SCRIPTS 8
void redis_scripts_list(struct redis_scripts *s,
                        struct redis_script *out[REDIS_SCRIPTS]);

#endif
