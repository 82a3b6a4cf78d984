/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox - what a process gives up before it reads an untrusted document.
 *
 * Mandatory: no_new_privs, resource limits, no capabilities, and a system call filter
 * that lists what is allowed (filter.c): without it the process must not go on.
 * Where the kernel has it: Landlock (landlock.c). All of it outlives an execve.
 *
 * A process started by root becomes nobody (uid 65534), if root may still kill
 * nobody's processes: else it stays root without capabilities. */
#ifndef EXTRACT_SANDBOX_H
#define EXTRACT_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox {
    uint64_t memory_bytes; /* of address space */
    uint32_t cpu_s;
    pid_t parent;        /* whose death is the end of this process */
    const char *program; /* the one it may execute; NULL: none, and no file opened */
};

/* Empties the environment, closes all but the standard descriptors, and gives up all
 * rights but those above. 0, or -1 with one line in why. */
int sandbox_enter(const struct sandbox *s, char *why, size_t why_size);

/* The parts with a file of their own; -1 with errno set. */
int filter_install(const struct sandbox *s);
int landlock_enter(const struct sandbox *s); /* 0 also where the kernel has none */
int landlock_version(void);                  /* 0: the kernel has none */

#endif
