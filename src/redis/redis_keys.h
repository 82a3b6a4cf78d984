/* SPDX-License-Identifier: Apache-2.0 */
/* redis_keys - every key and channel that this worker touches, spelt here only.
 *
 * Built once from broker_transport_options, as kombu builds them. Kombu's keys:
 *
 *     <queue>, <queue><sep><step>       lists of messages, one per priority step
 *     unacked                           hash: delivery tag → what is held
 *     unacked_index                     sorted set: delivery tag → when it was renewed
 *     unacked_mutex                     lock: somebody restores what is overdue
 *     _kombu.binding.<exchange>         set: <routing key><sep><pattern><sep><queue>
 *     _kombu.binding_permanent.<exchange>  those of queues without x-expires
 *     _kombu.binding_deadlines          sorted set: exchange → when its set may go
 *     /<db>.<exchange>[/<routing key>]  channels of fanout exchanges
 *
 * Keys of our own:
 *
 *     petiole.nodes             hash: node id → {"hostname", "pid", "sources": […]}
 *     petiole.node.<id>         lives as long as the node proves it does
 *     petiole.inbox.<id>.<key>  list: a message between its queue and `unacked`
 *     petiole.restore.<id>      lock: somebody is restoring what that node held
 *     petiole.sent.<tag>        a retry was published, and its reply is on the way
 *     petiole.dead              list: {"reason", "queue", "time", "message"}
 *
 * global_keyprefix stands before all of them, ours and the channels included, so that
 * an ACL of one prefix suffices. Members of the binding sets are not prefixed. */
#ifndef PETIOLE_REDIS_KEYS_H
#define PETIOLE_REDIS_KEYS_H

#include "../error.h"

#include "../../protocol/str.h"

#include <stdint.h>

#define REDIS_KEY_BYTES 640 /* holds every key, whatever its parts */
#define REDIS_MEMBER_BYTES 2048
#define REDIS_STEPS_MAX 16
#define REDIS_NAME_MAX 100 /* bytes of global_keyprefix, unacked_key, … */

struct config;

struct redis_keys {
    char prefix[REDIS_NAME_MAX + 1];
    char sep[17];
    unsigned steps[REDIS_STEPS_MAX]; /* ascending */
    size_t nsteps;
    char fanout_prefix[REDIS_NAME_MAX + 1]; /* "/{db}." with its number in */
    bool fanout_patterns;

    char unacked[REDIS_KEY_BYTES], unacked_index[REDIS_KEY_BYTES];
    char unacked_mutex[REDIS_KEY_BYTES];
    char binding[REDIS_KEY_BYTES], binding_permanent[REDIS_KEY_BYTES];
    char binding_deadlines[REDIS_KEY_BYTES];
    char nodes[REDIS_KEY_BYTES], dead[REDIS_KEY_BYTES];
    char node[REDIS_KEY_BYTES], inbox[REDIS_KEY_BYTES], restore[REDIS_KEY_BYTES];
    char sent[REDIS_KEY_BYTES];
};

/* Returns 0, or -EINVAL with the option's name and what is wrong with it. */
int redis_keys_init(struct redis_keys *k, const struct config *c, struct error *e);

/* The step that kombu files a priority under: the largest that is not above it. The
 * priority is clamped to 0 … 9 first. */
unsigned redis_keys_step(const struct redis_keys *k, int64_t priority);
/* What a list's name has behind its queue's: nothing at step 0. */
void redis_keys_suffix(const struct redis_keys *k, unsigned step, char out[32]);
void redis_keys_list(const struct redis_keys *k, struct str queue, unsigned step,
                     char out[REDIS_KEY_BYTES]);

/* A key that ends in a name: k->binding and an exchange, k->node and an id. */
void redis_keys_join(char out[REDIS_KEY_BYTES], const char *start, struct str name);
/* `list` is a key already: what moves from it rests in the inbox. */
void redis_keys_inbox(const struct redis_keys *k, const char *node, const char *list,
                      char out[REDIS_KEY_BYTES]);
/* A member of a binding set. */
void redis_keys_member(const struct redis_keys *k, struct str routing_key,
                       struct str pattern, struct str queue,
                       char out[REDIS_MEMBER_BYTES]);
/* Where a fanout exchange publishes; `#` of a subscriber's key becomes `*`. */
void redis_keys_channel(const struct redis_keys *k, struct str exchange,
                        struct str routing_key, char out[REDIS_KEY_BYTES]);

#endif
