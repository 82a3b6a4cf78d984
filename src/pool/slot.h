/* SPDX-License-Identifier: Apache-2.0 */
/* slot - one child as its parent sees it: a process, a socket, what it was given. */
#ifndef PETIOLE_SLOT_H
#define PETIOLE_SLOT_H

#include "pool.h"
#include "printed.h"

enum slot_state {
    SLOT_STARTING, /* loading plugins; nothing may be given */
    SLOT_SERVING,
    SLOT_STOPPING, /* was told to stop, or was killed: only its end is awaited */
    SLOT_GONE,     /* reaped and read to the end; handles are closing */
};

struct slot;

struct slot_events {
    /* False: this child may not serve. */
    bool (*ready)(void *ctx, struct slot *s, const struct frame_ready *ready);
    void (*broken)(void *ctx, struct slot *s, const char *why);
    /* Its handles are closed; slot_destroy may follow. served: it had been ready. */
    void (*gone)(void *ctx, struct slot *s, bool served);
    void (*started)(void *ctx, struct request *rq, const struct frame_started *f,
                    uint32_t pid);
    void (*state)(void *ctx, struct request *rq, struct str meta);
    void (*event)(void *ctx, struct request *rq, const struct frame_event *f,
                  uint32_t pid);
    void (*metric)(void *ctx, struct request *rq, const struct frame_metric *f);
    /* False: read no more from this child until slot_resume(). */
    bool (*effect)(void *ctx, struct request *rq, const struct frame_effect *f);
    void (*read)(void *ctx, struct request *rq, const struct frame_read *f);
    void (*refused)(void *ctx, struct request *rq, const struct frame_refused *f);
    void (*done)(void *ctx, struct request *rq, const struct frame_done *f,
                 const char *process);
    void (*unfollowed)(void *ctx, struct request *rq);
    void (*lost)(void *ctx, struct request *rq, enum pool_loss loss, int detail);
    void (*returned)(void *ctx, struct request *rq);
};

struct slot {
    struct list link; /* on pool->slots */
    enum slot_state state;
    uv_loop_t *loop;
    const struct config *config;
    const struct slot_events *events;
    void *ctx;
    uint32_t index;
    char name[24]; /* "ForkPoolWorker-2", as logs show it */
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t timer; /* slot_limit.c */
    struct printed printed;
    unsigned open_handles;
    struct frame_reader reader;
    struct list sending;   /* writes whose end libuv has not told yet */
    uint64_t queued_bytes; /* of all such writes there ever were */
    struct wr out;         /* small frames, gathered during a turn of the loop */
    struct list given;     /* requests not yet started, in the order sent */
    size_t ngiven;         /* and what runs, and what it runs no more but tells of */
    struct request *running;
    struct request *following; /* its effects are not all told */
    uint32_t effects_left;     /* so many are to come */
    uint64_t started_ms;       /* of the running one */
    bool soft_sent;
    bool paused; /* it is not read: what its task sent is too much already */
    struct slot_ending {
        int signum; /* 0: nothing is being ended */
        uint64_t job;
        bool still; /* the child has stopped */
        unsigned looks;
    } ending; /* slot_signal.h */
    bool was_ready, killed, reaped, read_to_end;
    bool leaving;       /* taken away: not to be replaced */
    enum pool_end end;  /* why it ended, or has to */
    uint64_t killed_ms; /* when it was first killed; 0: it was not */
    bool told_to_go;    /* idle when it was killed: nothing to report */
    int64_t exit_code;
    int exit_signal;
    uint64_t tasks;  /* done since it was started */
    double recent_s; /* running mean of what tasks took */
    bool has_recent;
};

/* NULL with *e when the process cannot be started. */
struct slot *slot_create(uv_loop_t *loop, const struct config *config,
                         struct str plugins, uint32_t index,
                         const struct slot_events *events, void *ctx, struct error *e);
void slot_destroy(struct slot *s);

/* How many more requests may be given. */
size_t slot_room(const struct slot *s);
void slot_give(struct slot *s, struct request *rq);
void slot_flush(struct slot *s);
void slot_resume(struct slot *s);
void slot_stop(struct slot *s);
void slot_kill(struct slot *s);
/* What the running job asked for. */
void slot_tell_documents(struct slot *s, const struct str *documents, size_t n,
                         bool last);
/* Appends a line about it, for people. */
void slot_describe(const struct slot *s, struct wr *out);
struct pool_child slot_look(const struct slot *s);
/* False with one line if it does not go although it was killed, or has to be. */
bool slot_is_well(const struct slot *s, struct wr *why);

#endif
