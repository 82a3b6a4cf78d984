/* SPDX-License-Identifier: Apache-2.0 */
/* peer - a real child process, spoken to as the worker's parent speaks to it. Whatever
 * it waits for, it waits for at most ten seconds. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include "../../../src/pool/frame.h"

#include <sys/types.h>

struct peer {
    pid_t pid;
    int fd;
    struct frame_reader in;
};

/* Paths of what was built, from the environment that Meson gives. */
const char *peer_plugin(const char *name);

/* Starts a child, which is told that `parent` is its parent. */
void peer_start_for(struct peer *p, pid_t parent);
void peer_start(struct peer *p);
/* What every test says unless it is about something else. */
struct frame_hello peer_hello(void);
/* Starts, says HELLO for one plugin and takes READY. */
void peer_ready(struct peer *p, const char *plugin);
void peer_ready_with(struct peer *p, const char *plugin, struct frame_hello hello);
/* Ends it if it lives, and forgets it. */
void peer_finish(struct peer *p);

void peer_send(struct peer *p, struct str bytes);
void peer_send_frame(struct peer *p, const struct frame_task *f);
void peer_send_task(struct peer *p, uint64_t job, const char *envelope);
/* An envelope for task(*args, **kwargs); `headers` are JSON members to add, or "". */
char *peer_envelope(const char *task, const char *args, const char *kwargs,
                    const char *headers);
/* … whose body ends in `embed`, a JSON object. */
char *peer_envelope_with(const char *task, const char *args, const char *kwargs,
                         const char *headers, const char *embed);
/* Sends such a task. */
void peer_call(struct peer *p, uint64_t job, const char *task, const char *args);

/* The next frame, which must be of this type; its body lives until the next call. */
struct rd peer_hear(struct peer *p, enum frame_type type);
/* STARTED, then DONE with nothing between. */
struct frame_done peer_hear_outcome(struct peer *p);
struct frame_done peer_run(struct peer *p, const char *task, const char *args);
/* Waits until the child has closed its end. */
void peer_hear_end(struct peer *p);
/* What waitpid says of it, once it is gone. */
int peer_wait(struct peer *p);

#endif
