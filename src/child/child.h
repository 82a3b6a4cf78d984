/* SPDX-License-Identifier: Apache-2.0 */
/* child - the process that runs handlers: take a frame, run, give a frame back.
 *
 * The worker's parent re-executes its own binary as `petiole child FD PARENT_PID`.
 * A child starts clean: it leads its own process group, ignores SIGINT, dies with its
 * parent (PR_SET_PDEATHSIG, checked against the pid it was given, which in a container
 * may be 1) and inherits no descriptor but FD and the standard three. It loads the
 * plugins named in HELLO; nothing else in the worker ever does. */
#ifndef PETIOLE_CHILD_H
#define PETIOLE_CHILD_H

#include <sys/types.h>

/* The child's whole life; returns its exit code. fd is the child's end of the pair. */
int child_main(int fd, pid_t parent);

#endif
