/* SPDX-License-Identifier: Apache-2.0 */
/* wire - the child's end of its socket: frames out in batches, frames in one by one,
 * and documents that a task waits for.
 *
 * A task's strings are borrowed from the frame it came in. What is read while it waits
 * goes to another reader, `late`, and is taken up once the task is done. */
#ifndef PETIOLE_WIRE_H
#define PETIOLE_WIRE_H

#include "../pool/frame.h"

struct wire {
    int fd;
    struct frame_reader in, late;
    struct wr kept; /* whole frames that came before the documents */
    struct wr out;  /* frames not yet written */
    bool is_late;
};

enum wire_heard { WIRE_HEARD, WIRE_END, WIRE_BROKEN, WIRE_NONSENSE };

void wire_init(struct wire *w, int fd);
void wire_finish(struct wire *w);
/* Does not return if the parent is gone: without it a child is of no use. */
void wire_flush(struct wire *w);
/* Waits for more bytes, and feeds them to `in`. */
enum wire_heard wire_listen(struct wire *w);
/* Waits for the next DOCUMENTS of this job; *d is good until the next call. */
void wire_wait_documents(struct wire *w, uint64_t job, struct frame_documents *d);
/* The task is done: what came late is next. False if it is nonsense. */
bool wire_catch_up(struct wire *w);

#endif
