/* SPDX-License-Identifier: Apache-2.0 */
/* redis_restore - putting back what nobody holds any more: everything a dead node held,
 * at once; what is past the visibility timeout, as kombu's sweep does; and, after a
 * reconnection, tags of our own whose fetch reply never came.
 *
 *     redis_watch.c    which nodes are dead, and when to look for what is overdue
 *     redis_restore.c  one restore's life: lock, a dead node's inboxes, what is said
 *     redis_tags.c     which tags are to be put back
 *     redis_return.c   each of them goes back to the front of its queue
 *
 * Every step is by tag and changes nothing the second time, so two peers restoring at
 * once do no harm; the lock only saves work. One restore runs at a time. */
#ifndef PETIOLE_REDIS_RESTORE_H
#define PETIOLE_REDIS_RESTORE_H

#include "redis_broker.h"

enum restore_kind {
    RESTORE_NODE,    /* a dead node's */
    RESTORE_OVERDUE, /* past the visibility timeout, under kombu's mutex */
    RESTORE_OWN,     /* ours, but unknown to us */
};

struct restore {
    struct redis_broker *broker;
    enum restore_kind kind;
    char node[NODE_ID_BYTES];
    char **tags;
    size_t ntags, room, next;
    size_t pending; /* replies of the running slice */
    uint64_t restored;
    bool incomplete; /* something was refused or did not fit: to be done again */
};

/* redis_restore.c. False when memory is out. `node` is of RESTORE_NODE and _OWN. */
bool restore_begin(struct redis_broker *b, enum restore_kind kind, const char *node);
void restore_end(struct restore *r);
/* What was read may be wrong or missing: another try comes with a later beat. */
void restore_give_up(struct restore *r, const redisReply *reply);
/* A step that the server refused. */
void restore_note_refusal(struct restore *r, const redisReply *reply);
/* A lock lasts for some seconds, so that one left behind does not bar peers for long; a
 * restore that lasts keeps it with each slice. */
void restore_renew(struct restore *r);
void restore_tags_done(struct restore *r);

/* redis_tags.c: both lead to restore_return. */
void restore_find_held(struct restore *r);
void restore_find_overdue(struct restore *r);

/* redis_return.c: leads to restore_tags_done. */
void restore_return(struct restore *r);

/* redis_watch.c: begins with the next node that is known to be dead, if there is one.
 */
void restore_next_dead(struct redis_broker *b);

#endif
