/* SPDX-License-Identifier: Apache-2.0 */
/* arena - a chain of blocks, each at least twice as large as the one before. */
#include "arena.h"

#include <stdlib.h>

#define ALIGN 16u
#define FIRST_BLOCK_BYTES ((size_t)4096)
#define LARGEST_BLOCK_BYTES ((size_t)1 << 20) /* unless one allocation needs more */

struct arena_block {
    struct arena_block *older;
    size_t size, used; /* of data */
    _Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
    /* Half the address space, so that rounding a size up cannot wrap it. */
    *a = (struct arena){.max_bytes =
                            max_bytes < SIZE_MAX / 2 ? max_bytes : SIZE_MAX / 2};
}

static void free_from(struct arena_block *b)
{
    while (b) {
        struct arena_block *older = b->older;
        free(b);
        b = older;
    }
}

void arena_finish(struct arena *a)
{
    free_from(a->block);
    a->block = NULL;
}

void arena_reset(struct arena *a)
{
    struct arena_block *first = a->block;

    while (first && first->older) {
        struct arena_block *older = first->older;
        free(first);
        first = older;
    }
    /* A first block made for one huge allocation is not worth keeping. */
    if (first && first->size > LARGEST_BLOCK_BYTES) {
        free(first);
        first = NULL;
    }
    if (first)
        first->used = 0;
    a->block = first;
    a->used_bytes = 0;
    a->failed = false;
}

static size_t next_block_bytes(const struct arena *a, size_t needed)
{
    size_t size = FIRST_BLOCK_BYTES - sizeof(struct arena_block);

    if (a->block)
        size = a->block->size * 2;
    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    return size < needed ? needed : size;
}

static bool add_block(struct arena *a, size_t needed)
{
    size_t size = next_block_bytes(a, needed);
    struct arena_block *b = malloc(sizeof(*b) + size);

    if (!b)
        return false;
    *b = (struct arena_block){.older = a->block, .size = size};
    a->block = b;
    return true;
}

static void *refuse(struct arena *a)
{
    a->failed = true;
    return NULL;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    if (a->failed || bytes > a->max_bytes)
        return refuse(a);
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes > a->max_bytes - a->used_bytes)
        return refuse(a);
    if (!a->block || bytes > a->block->size - a->block->used)
        if (!add_block(a, bytes))
            return refuse(a);

    char *p = a->block->data + a->block->used;
    a->block->used += bytes;
    a->used_bytes += bytes;
    return p;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    void *p = arena_alloc(a, bytes);

    if (p)
        memset(p, 0, bytes);
    return p;
}

struct str arena_copy(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : refuse(a);

    if (!p)
        return (struct str){NULL, 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

char *arena_strdup(struct arena *a, const char *text)
{
    return (char *)arena_copy(a, str_of(text)).p;
}
