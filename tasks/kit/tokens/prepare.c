/* SPDX-License-Identifier: Apache-2.0 */
#include "prepare.h"

#include "bpe.h"
#include "tiktoken_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* At least twice as many places as tokens: short searches. */
static uint32_t table_size(uint32_t n)
{
    uint32_t size = 1024;

    while (size < 2 * n)
        size *= 2;
    return size;
}

/* The tables while they are being filled: `v` looks at them as it will in the file. */
struct tables {
    struct vocabulary v;
    uint32_t *offsets, *sorted, *buckets, *shorter;
    uint64_t *keys;
    uint8_t *bytes;
    struct vocabulary_slot *slots, *pairs;
    struct vocabulary_split *splits;
    uint32_t nslots, npairs;
};

static bool tables_init(struct tables *t, const struct tiktoken_file *f)
{
    uint32_t n = f->n;

    t->nslots = t->npairs = table_size(n);
    t->offsets = f->offsets;
    t->bytes = f->bytes;
    t->sorted = calloc(n, sizeof(*t->sorted));
    t->keys = calloc(n, sizeof(*t->keys));
    t->buckets = calloc(VOCABULARY_BUCKETS + 1, sizeof(*t->buckets));
    t->shorter = calloc(n, sizeof(*t->shorter));
    t->splits = calloc(n, sizeof(*t->splits));
    t->slots = malloc(t->nslots * sizeof(*t->slots));
    t->pairs = malloc(t->npairs * sizeof(*t->pairs));
    if (!t->sorted || !t->keys || !t->buckets || !t->shorter || !t->splits ||
        !t->slots || !t->pairs)
        return false;
    memset(t->slots, 0xFF, t->nslots * sizeof(*t->slots));
    memset(t->pairs, 0xFF, t->npairs * sizeof(*t->pairs));
    t->v = (struct vocabulary){
        .n = n,
        .slot_mask = t->nslots - 1,
        .pair_mask = t->npairs - 1,
        .offsets = t->offsets,
        .bytes = t->bytes,
        .slots = t->slots,
        .sorted = t->sorted,
        .keys = t->keys,
        .buckets = t->buckets,
        .shorter = t->shorter,
        .splits = t->splits,
        .pairs = t->pairs,
    };
    return true;
}

static void tables_finish(struct tables *t)
{
    free(t->sorted);
    free(t->keys);
    free(t->buckets);
    free(t->shorter);
    free(t->splits);
    free(t->slots);
    free(t->pairs);
}

static void put(struct vocabulary_slot *slots, uint32_t mask, uint64_t hash,
                uint32_t id)
{
    uint32_t i = (uint32_t)hash;

    while (slots[i & mask].id != VOCABULARY_NONE)
        i++;
    slots[i & mask] = (struct vocabulary_slot){id, (uint32_t)(hash >> 32)};
}

static bool fill_slots(struct tables *t)
{
    for (uint32_t id = 0; id < t->v.n; id++) {
        const uint8_t *p = t->bytes + t->offsets[id];
        size_t len = vocabulary_len(&t->v, id);
        if (vocabulary_find(&t->v, p, len) != VOCABULARY_NONE)
            return false;

        put(t->slots, t->v.slot_mask, vocabulary_hash(p, len), id);
    }
    return true;
}

static int compare_tokens(const void *a, const void *b, void *tables)
{
    const struct vocabulary *v = &((struct tables *)tables)->v;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint32_t nx = vocabulary_len(v, x), ny = vocabulary_len(v, y);
    int order =
        memcmp(v->bytes + v->offsets[x], v->bytes + v->offsets[y], nx < ny ? nx : ny);

    return order ? order : (nx > ny) - (nx < ny);
}

static void fill_sorted(struct tables *t)
{
    for (uint32_t id = 0; id < t->v.n; id++)
        t->sorted[id] = id;
    qsort_r(t->sorted, t->v.n, sizeof(*t->sorted), compare_tokens, t);

    for (uint32_t i = 0; i < t->v.n; i++) {
        uint32_t id = t->sorted[i];
        t->keys[i] =
            vocabulary_key(t->bytes + t->offsets[id], vocabulary_len(&t->v, id));
        t->buckets[(t->keys[i] >> 48) + 1]++;
    }
    for (uint32_t i = 0; i < VOCABULARY_BUCKETS; i++)
        t->buckets[i + 1] += t->buckets[i];
}

static void fill_shorter(struct tables *t)
{
    for (uint32_t id = 0; id < t->v.n; id++) {
        uint32_t len = vocabulary_len(&t->v, id);
        t->shorter[id] = VOCABULARY_NONE;
        while (--len > 0 && t->shorter[id] == VOCABULARY_NONE)
            t->shorter[id] = vocabulary_find(&t->v, t->bytes + t->offsets[id], len);
    }
}

/* Finds the last of the merges that lead to the token: the one pair of earlier tokens
 * whose boundary none of the merges before would have closed. */
static bool split_token(struct tables *t, uint32_t id)
{
    const uint8_t *p = t->bytes + t->offsets[id];
    uint32_t len = vocabulary_len(&t->v, id), left = t->shorter[id];
    uint64_t steps = 0;

    t->splits[id] = (struct vocabulary_split){id, id};
    if (len == 1)
        return true;
    for (; left != VOCABULARY_NONE; left = t->shorter[left]) {
        uint32_t left_len = vocabulary_len(&t->v, left);
        uint32_t right = vocabulary_find(&t->v, p + left_len, len - left_len);
        if (left >= id || right >= id || !bpe_pair_stands(&t->v, left, right, &steps))
            continue;
        t->splits[id] = (struct vocabulary_split){left, right};
        put(t->pairs, t->v.pair_mask, vocabulary_pair_hash(left, right), id);
        return true;
    }
    return false;
}

static const char *fill(struct tables *t)
{
    bool is_single[256] = {0};

    if (!fill_slots(t))
        return "a token is in it twice";
    for (uint32_t id = 0; id < t->v.n; id++)
        if (vocabulary_len(&t->v, id) == 1)
            is_single[t->bytes[t->offsets[id]]] = true;
    for (int byte = 0; byte < 256; byte++)
        if (!is_single[byte])
            return "a single byte is missing";
    fill_sorted(t);
    fill_shorter(t);
    for (uint32_t id = 0; id < t->v.n; id++)
        if (!split_token(t, id))
            return "a token is no merge of earlier ones";
    return NULL;
}

static char *put_section(char *at, const void *from, uint64_t bytes)
{
    memcpy(at, from, bytes);
    return at + ((bytes + 7) & ~(uint64_t)7);
}

/* The whole file in memory, zero in its gaps; NULL if memory is out. */
static char *assemble(const struct tables *t, size_t *total)
{
    uint64_t n = t->v.n;
    const void *from[SECTION_COUNT] = {t->offsets, t->bytes,  t->slots,
                                       t->sorted,  t->keys,   t->buckets,
                                       t->shorter, t->splits, t->pairs};
    struct vocabulary_header h = {
        .magic = {'P', 'T', 'L', 'V', 'O', 'C', 'A', 'B'},
        .version = VOCABULARY_VERSION,
        .tokens = t->v.n,
        .slots = t->nslots,
        .pairs = t->npairs,
        .section_bytes = {(n + 1) * sizeof(uint32_t), t->offsets[n],
                          t->nslots * sizeof(struct vocabulary_slot),
                          n * sizeof(uint32_t), n * sizeof(uint64_t),
                          (VOCABULARY_BUCKETS + 1) * sizeof(uint32_t),
                          n * sizeof(uint32_t), n * sizeof(struct vocabulary_split),
                          t->npairs * sizeof(struct vocabulary_slot)},
    };

    *total = sizeof(h);
    for (int i = 0; i < SECTION_COUNT; i++)
        *total += (h.section_bytes[i] + 7) & ~(uint64_t)7;
    char *file = calloc(1, *total), *at = file + sizeof(h);
    if (!file)
        return NULL;
    for (int i = 0; i < SECTION_COUNT; i++)
        at = put_section(at, from[i], h.section_bytes[i]);
    h.checksum = vocabulary_checksum(file + sizeof(h), *total - sizeof(h));
    memcpy(file, &h, sizeof(h));
    return file;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            p += put;
            n -= (size_t)put;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const char *path, const char *file, size_t n)
{
    char temporary[4096];

    if (snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid()) >=
        (int)sizeof(temporary))
        return -ENAMETOOLONG;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int status = write_all(fd, file, n);
    close(fd);
    if (status == 0 && rename(temporary, path) < 0)
        status = -errno;
    if (status < 0)
        unlink(temporary);
    return status;
}

static int prepare(const struct tiktoken_file *f, const char *out_path,
                   const char **fault)
{
    struct tables t = {0};
    size_t total;
    int status = -ENOMEM;

    if (tables_init(&t, f)) {
        *fault = fill(&t);
        char *file = *fault ? NULL : assemble(&t, &total);
        if (*fault)
            status = -EINVAL;
        else if (file)
            status = write_file(out_path, file, total);
        free(file);
    }
    tables_finish(&t);
    return status;
}

int vocabulary_prepare(const char *tiktoken_path, const char *out_path, char *why,
                       size_t why_size)
{
    struct tiktoken_file f;
    const char *fault = NULL;
    int status = tiktoken_file_read(&f, tiktoken_path, &fault);

    if (status < 0) {
        snprintf(why, why_size, "read vocabulary %s: %s", tiktoken_path,
                 fault ? fault : strerror(-status));
        return status;
    }
    status = prepare(&f, out_path, &fault);
    tiktoken_file_finish(&f);
    if (fault)
        snprintf(why, why_size, "prepare vocabulary %s: %s", tiktoken_path, fault);
    else if (status < 0)
        snprintf(why, why_size, "write vocabulary %s: %s", out_path, strerror(-status));
    return status;
}
