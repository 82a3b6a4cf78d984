/* SPDX-License-Identifier: Apache-2.0 */
/* follow - the effects of one request: what a child tells of beside the outcome, done
 * in that order, one at a time.
 *
 *     child ──EFFECT──▶ queue ──▶ acting: the backend does it
 *                         │         └──▶ a chord is complete: joins
 *                         └──▶ kept: a message to publish, until all is settled
 *
 * What is told before DONE is a running handler's and acts at once; the rest waits for
 * the outcome to be stored (RQ_FOLLOWING). Then the kept messages are published: in one
 * step with a late acknowledgement (broker.replace), so that they are published once;
 * each by itself otherwise. A crash before that step has the redelivered message
 * concluded anew (conclude.h), with the same ids: parts are counted once, documents
 * written again. A crash behind it costs nothing but the chord's keys, which expire.
 *
 * Bounded: FOLLOW_MAX effects or FOLLOW_MAX_BYTES wait for their turn, then the child
 * is not read. Messages beyond as many are published ahead of the rest, marked as
 * redelivered: should a crash repeat them, their workers look for a stored outcome. */
#ifndef PETIOLE_FOLLOW_H
#define PETIOLE_FOLLOW_H

#include "request.h"

#define FOLLOW_MAX 1000
#define FOLLOW_MAX_BYTES ((size_t)4 << 20)

struct broker_message;

struct effect {
    struct list link;
    struct follow *follow;
    bool before;           /* told while the handler ran */
    struct frame_effect f; /* with its strings behind it */
    size_t bytes;
    char text[];
};

struct follow {
    struct request *rq; /* NULL: it is gone, and the backend has still to answer */
    struct list queue;  /* in the order told */
    struct list kept;   /* messages to publish when all is settled */
    struct list out;    /* messages that are being published */
    struct list joins;  /* CHORD_PARTs that completed their chord */
    struct list ends;   /* CHORD_ENDs, by `id` of the part */
    size_t waiting, waiting_bytes; /* in queue and out */
    size_t nkept, kept_bytes;
    struct effect *acting; /* the backend is asked, or will be again */
    bool looks_again;      /* it is in the schedule until then */
    bool in_loop, holds_back;
    bool again;          /* what is told is dropped: a child is to conclude it anew */
    struct effect *join; /* what the child that has it joins, or NULL */
    size_t kept_before;  /* of the kept messages, those that are not the join's */
    size_t ending;       /* chords whose end is on its way */
    unsigned deaths;     /* of children that concluded it */
    struct reading *reading;
    struct document {
        char *p; /* owned, or NULL */
        size_t n;
    } held,      /* what is to be stored once the queue is done */
        outcome; /* what a child is to conclude */
    bool outcome_is_stored;
};

/* NULL without memory. */
struct follow *follow_of(struct request *rq);
void follow_forget(struct request *rq);
void follow_free(struct follow *f);
void follow_free_all(struct list *effects);

/* struct pool_events' effect. */
bool follow_effect(void *ctx, struct request *rq, const struct frame_effect *f);
/* True, with the document kept, if something that the handler asked for is not done;
 * outcome_conclude() follows when it is. */
bool follow_hold(struct request *rq, struct str meta);
/* What the handler sent is with the broker. */
void follow_sent(struct request *rq);
/* The outcome is stored: what follows may act, and outcome_settle() comes last. */
void follow_begin(struct request *rq);
/* Goes on with whatever is next. The request may be gone afterwards. */
void follow_go_on(struct follow *f);
/* Its time has come: the backend is asked again. */
void follow_due(struct request *rq);
/* It waits for that. False if not; else nothing is waited for any more. */
bool follow_stop_waiting(struct request *rq);
/* Its child died before it had told all: another one is to conclude the request. */
void follow_unfollowed(void *ctx, struct request *rq);
/* Drops what is not done: all, or what belongs to the chord that is being joined. */
void follow_drop(struct follow *f);
/* Something of it is with a child, the backend or the broker, and comes back. */
bool follow_is_out(const struct follow *f);
/* The message is acknowledged already, or another worker has it. */
static inline bool follow_is_off_our_hands(const struct request *rq)
{
    return rq->settled || rq->delivery.settling;
}

/* follow_publish.c */
void follow_keep(struct follow *f, struct effect *e);
/* True if kept messages must be published before the request is settled. */
bool follow_publishes_first(struct follow *f);
/* The n kept messages, in an array that the caller frees, NULL if there are none. False
 * without memory. */
bool follow_messages(struct request *rq, struct broker_message **messages, size_t *n);
/* After the settlement. True if there are chords to end: then the request is destroyed
 * when they are. */
bool follow_end_chords(struct request *rq);

/* follow_act.c: asks the backend. True if it answers; else it is done, and freed. */
bool follow_act(struct follow *f, struct effect *e);
void follow_acted(struct follow *f);
struct effect *follow_copy(const struct frame_effect *f);

/* What a child is told beside the message. */
struct str follow_outcome(const struct request *rq);
bool follow_outcome_is_stored(const struct request *rq);
struct str follow_part(const struct request *rq);

bool document_set(struct document *d, struct str text);

#endif
