/* SPDX-License-Identifier: Apache-2.0 */
/* process - one helper, from its start until nothing of it is left.
 *
 * It has a process group of its own, clean signals, an empty environment, and three
 * descriptors: the document, a pipe for its text, a pipe for its complaints. It is
 * watched with poll and a pidfd; the caller's signals may interrupt that at any time.
 */
#ifndef EXTRACT_PROCESS_H
#define EXTRACT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process {
    /* Set by the caller. */
    const char *path;
    const char *const *argv;
    int input; /* becomes its stdin; stays the caller's */
    uint32_t wall_ms;
    int (*take)(void *ctx, const void *bytes, size_t n); /* its output; not 0: stop */
    void *take_ctx;
    bool (*cancelled)(void *ctx); /* may be NULL */
    void *cancelled_ctx;

    /* What came of it. */
    enum process_end {
        PROCESS_EXITED,      /* code: its exit status */
        PROCESS_SIGNALLED,   /* code: the signal, not sent by us */
        PROCESS_NOT_STARTED, /* code: errno */
        PROCESS_REFUSED,     /* code: what take() returned; it was killed */
        PROCESS_TIMED_OUT,   /* killed */
        PROCESS_CANCELLED,   /* killed */
    } end;
    int code;
    char said[1024]; /* the beginning of what it wrote to stderr, NUL-terminated */
    size_t said_len;
};

void process_run(struct process *p);

#endif
