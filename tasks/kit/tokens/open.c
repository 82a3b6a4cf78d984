/* SPDX-License-Identifier: Apache-2.0 */
/* open - maps a prepared vocabulary and checks all of it once: lengths first, then the
 * sum, then every number that is used as an index, then what the encoder relies on for
 * coming to an end. */
#include "vocabulary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) & ~(uint64_t)7;
}

static bool is_power_of_two(uint32_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* What each section must be long; the bytes of the tokens are as many as they are. */
static bool lengths_fit(const struct vocabulary_header *h, size_t file_bytes)
{
    uint64_t n = h->tokens, want[SECTION_COUNT], total = sizeof(*h);

    if (n == 0 || n > VOCABULARY_MAX_TOKENS || h->slots <= n || h->pairs <= n ||
        h->slots > VOCABULARY_MAX_TOKENS * 4 || h->pairs > VOCABULARY_MAX_TOKENS * 4 ||
        !is_power_of_two(h->slots) || !is_power_of_two(h->pairs) ||
        h->section_bytes[SECTION_BYTES] > n * VOCABULARY_MAX_TOKEN_BYTES)
        return false;
    want[SECTION_OFFSETS] = (n + 1) * sizeof(uint32_t);
    want[SECTION_BYTES] = h->section_bytes[SECTION_BYTES];
    want[SECTION_SLOTS] = h->slots * sizeof(struct vocabulary_slot);
    want[SECTION_SORTED] = n * sizeof(uint32_t);
    want[SECTION_KEYS] = n * sizeof(uint64_t);
    want[SECTION_BUCKETS] = (VOCABULARY_BUCKETS + 1) * sizeof(uint32_t);
    want[SECTION_SHORTER] = n * sizeof(uint32_t);
    want[SECTION_SPLITS] = n * sizeof(struct vocabulary_split);
    want[SECTION_PAIRS] = h->pairs * sizeof(struct vocabulary_slot);
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (h->section_bytes[i] != want[i])
            return false;
        total += padded(want[i]);
    }
    return total == file_bytes;
}

static void point_at_sections(struct vocabulary *v)
{
    const char *p = (const char *)(v->header + 1);
    const void *at[SECTION_COUNT];

    for (int i = 0; i < SECTION_COUNT; i++) {
        at[i] = p;
        p += padded(v->header->section_bytes[i]);
    }
    v->n = v->header->tokens;
    v->slot_mask = v->header->slots - 1;
    v->pair_mask = v->header->pairs - 1;
    v->offsets = at[SECTION_OFFSETS];
    v->bytes = at[SECTION_BYTES];
    v->slots = at[SECTION_SLOTS];
    v->sorted = at[SECTION_SORTED];
    v->keys = at[SECTION_KEYS];
    v->buckets = at[SECTION_BUCKETS];
    v->shorter = at[SECTION_SHORTER];
    v->splits = at[SECTION_SPLITS];
    v->pairs = at[SECTION_PAIRS];
}

static bool offsets_fit(const struct vocabulary *v)
{
    if (v->offsets[0] != 0 ||
        v->offsets[v->n] != v->header->section_bytes[SECTION_BYTES])
        return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (v->offsets[i + 1] <= v->offsets[i] ||
            v->offsets[i + 1] - v->offsets[i] > VOCABULARY_MAX_TOKEN_BYTES)
            return false;
    return true;
}

/* Prefixes get shorter, halves have smaller ids and make up the whole. */
static bool tokens_fit(const struct vocabulary *v)
{
    for (uint32_t id = 0; id < v->n; id++) {
        const uint8_t *p = v->bytes + v->offsets[id];
        uint32_t len = vocabulary_len(v, id), shorter = v->shorter[id];
        struct vocabulary_split split = v->splits[id];

        if (v->sorted[id] >= v->n)
            return false;
        if (shorter != VOCABULARY_NONE &&
            (shorter >= v->n || vocabulary_len(v, shorter) >= len))
            return false;
        if (len == 1) {
            if (split.left != id || split.right != id || shorter != VOCABULARY_NONE)
                return false;
            continue;
        }
        if (split.left >= id || split.right >= id || shorter == VOCABULARY_NONE)
            return false;
        uint32_t left = vocabulary_len(v, split.left);
        if (left + vocabulary_len(v, split.right) != len ||
            memcmp(p, v->bytes + v->offsets[split.left], left) != 0 ||
            memcmp(p + left, v->bytes + v->offsets[split.right], len - left) != 0)
            return false;
    }
    return true;
}

/* How many places are taken, or NONE if one of them holds no id. */
static uint32_t count_taken(const struct vocabulary *v,
                            const struct vocabulary_slot *slots, uint32_t n)
{
    uint32_t taken = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (slots[i].id == VOCABULARY_NONE)
            continue;
        if (slots[i].id >= v->n)
            return VOCABULARY_NONE;
        taken++;
    }
    return taken;
}

/* Each table has more places than tokens, so one is free, where a search for what is
 * not there ends. */
static bool tables_fit(const struct vocabulary *v)
{
    return count_taken(v, v->slots, v->header->slots) == v->n &&
           count_taken(v, v->pairs, v->header->pairs) == v->n - 256;
}

/* Buckets rise to n, and each first byte has its one-byte token at their beginning:
 * the match that is always there. */
static bool buckets_fit(const struct vocabulary *v)
{
    if (v->buckets[0] != 0 || v->buckets[VOCABULARY_BUCKETS] != v->n)
        return false;
    for (uint32_t i = 0; i < VOCABULARY_BUCKETS; i++)
        if (v->buckets[i + 1] < v->buckets[i] || v->buckets[i + 1] > v->n)
            return false;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t first = v->buckets[byte << 8];
        if (first >= v->n || first >= v->buckets[(byte << 8) + 1])
            return false;
        uint32_t id = v->sorted[first];
        if (vocabulary_len(v, id) != 1 || v->bytes[v->offsets[id]] != byte)
            return false;
    }
    return true;
}

static const char *find_fault(struct vocabulary *v)
{
    const struct vocabulary_header *h = v->header;

    if (v->mapped_bytes < sizeof(*h) || memcmp(h->magic, VOCABULARY_MAGIC, 8) != 0)
        return "it is no prepared vocabulary";
    if (h->version != VOCABULARY_VERSION)
        return "it was prepared by another version";
    if (!lengths_fit(h, v->mapped_bytes))
        return "it is damaged: its lengths do not add up";
    if (vocabulary_checksum(h + 1, v->mapped_bytes - sizeof(*h)) != h->checksum)
        return "it is damaged: its checksum is wrong";
    point_at_sections(v);
    if (!offsets_fit(v) || !tokens_fit(v) || !tables_fit(v) || !buckets_fit(v))
        return "it is damaged: its tables contradict each other";
    return NULL;
}

/* The mapping, or NULL with errno set. */
static void *map_file(const char *path, size_t *bytes)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return NULL;
    void *mapped = MAP_FAILED;
    if (fstat(fd, &st) == 0) {
        errno = EINVAL;
        if (S_ISREG(st.st_mode) && st.st_size > 0)
            mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        *bytes = (size_t)st.st_size;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return mapped == MAP_FAILED ? NULL : mapped;
}

int vocabulary_open(struct vocabulary **out, const char *path, char *why,
                    size_t why_size)
{
    struct vocabulary *v = calloc(1, sizeof(*v));

    if (!v) {
        snprintf(why, why_size, "open vocabulary %s: out of memory", path);
        return -ENOMEM;
    }
    v->header = map_file(path, &v->mapped_bytes);
    if (!v->header) {
        int code = errno;
        snprintf(why, why_size, "open vocabulary %s: %s", path, strerror(code));
        free(v);
        return -code;
    }
    const char *fault = find_fault(v);
    if (fault) {
        snprintf(why, why_size,
                 "open vocabulary %s: %s; delete it and prepare it again", path, fault);
        vocabulary_close(v);
        return -EINVAL;
    }
    *out = v;
    return 0;
}

void vocabulary_close(struct vocabulary *v)
{
    if (!v)
        return;
    munmap((void *)(uintptr_t)v->header, v->mapped_bytes);
    free(v);
}
