/* SPDX-License-Identifier: Apache-2.0 */
/* redis_backend - Celery's Redis result backend; what its files share.
 *
 *     redis_backend.c   life, and a task's status
 *     redis_store.c     storing, in batches
 *     redis_ask.h       commands that are asked until they are answered
 *     redis_chord.h     chords, groups, and reading what is stored
 */
#ifndef PETIOLE_REDIS_BACKEND_H
#define PETIOLE_REDIS_BACKEND_H

#include "../backend.h"
#include "../config.h"
#include "redis.h"
#include "redis_chord_scripts.h"

#define KEY_META "celery-task-meta-"
#define KEY_GROUP "celery-taskset-meta-"
#define PREFIX_MAX 100 /* bytes of global_keyprefix */

struct store_batch;

struct redis_backend {
    struct backend base;
    const struct config *config;
    const struct backend_events *events;
    void *ctx;
    char meta[PREFIX_MAX + 2 + sizeof(KEY_META)];   /* what stands before a task's id */
    char group[PREFIX_MAX + 2 + sizeof(KEY_GROUP)]; /* and before a group's */
    struct redis redis;
    struct redis_script update;
    bool up;

    /* storing */
    struct list waiting;       /* documents, in the order they are to be sent */
    struct store_batch *batch; /* at the server, or NULL */
    bool paused;               /* after a refusal, until the timer */
    unsigned refusals;         /* in a row: they double the delay */
    size_t nstates;            /* of them and at the server, those nobody waits for */
    uint64_t states_dropped;
    uv_prepare_t turn;
    uv_timer_t retry;

    /* asking */
    struct redis_chord_scripts chords;
    struct list asks; /* not yet at the server */
    size_t asking;    /* at it */
    bool asking_alone, asks_paused;
    unsigned ask_refusals; /* in a row */
    uv_timer_t ask_timer;
    uint64_t nonce, growths; /* name the markers of chords that grow */

    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

void redis_store_init(struct redis_backend *b, uv_loop_t *loop);
void redis_store_start(struct redis_backend *b);
void redis_store_finish(struct redis_backend *b);
void redis_store_put(struct backend *base, struct str task_id, struct str meta,
                     enum backend_document document, backend_done_fn *done, void *ctx);

void redis_ask_init(struct redis_backend *b, uv_loop_t *loop);
void redis_ask_flush(struct redis_backend *b);
void redis_ask_finish(struct redis_backend *b);

#endif
