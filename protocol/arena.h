/* SPDX-License-Identifier: Apache-2.0 */
/* arena - memory that is released all at once.
 *
 * One message, one arena: everything decoded from a message or made for its outcome
 * is allocated here, so nothing needs freeing on the way. A cap keeps one message from
 * taking the process: past it, or when malloc fails, allocations return NULL and
 * `failed` stays set until the next reset, so a decoder may ask once at its end. */
#ifndef PROTOCOL_ARENA_H
#define PROTOCOL_ARENA_H

#include "str.h"

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *block; /* the newest; older ones hang on it */
    size_t used_bytes;         /* handed out since init or reset */
    size_t max_bytes;
    bool failed; /* an allocation was refused */
};

/* An arena that will hand out at most max_bytes. Allocates nothing yet. */
void arena_init(struct arena *a, size_t max_bytes);
void arena_finish(struct arena *a);
/* Forgets every allocation but keeps the first block for the next message. */
void arena_reset(struct arena *a);

/* Uninitialised, aligned for any type; NULL past the cap or when memory is out. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_zalloc(struct arena *a, size_t bytes);
/* A copy with a NUL behind it, which is not counted in .n; .p is NULL on failure. */
struct str arena_copy(struct arena *a, struct str s);
char *arena_strdup(struct arena *a, const char *text);

#endif
