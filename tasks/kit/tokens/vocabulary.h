/* SPDX-License-Identifier: Apache-2.0 */
/* vocabulary - the prepared form of a byte-pair vocabulary, as it lies in its file and,
 * mapped read-only, in memory.
 *
 *     header | sections, each padded to 8 bytes, in the order of enum
 * vocabulary_section
 *
 * An id is a rank: of two merges the one with the smaller id happens first. Every
 * token is either one byte or the merge of two tokens with smaller ids, its split.
 * Numbers are little-endian. The file is checked whole when it is opened, so that
 * what reads it afterwards needs no bounds: see vocabulary_open. */
#ifndef TOKENS_VOCABULARY_H
#define TOKENS_VOCABULARY_H

#include "tokens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VOCABULARY_MAGIC "PTLVOCAB"
#define VOCABULARY_VERSION 1u
#define VOCABULARY_NONE UINT32_MAX
#define VOCABULARY_MAX_TOKEN_BYTES 128u
#define VOCABULARY_MAX_TOKENS (1u << 20)
#define VOCABULARY_BUCKETS (1u << 16)

enum vocabulary_section {
    SECTION_OFFSETS, /* u32[n + 1]: token i is bytes[offsets[i] .. offsets[i + 1]) */
    SECTION_BYTES,
    SECTION_SLOTS,   /* struct vocabulary_slot[]: ids by their bytes, open addressing */
    SECTION_SORTED,  /* u32[n]: ids in the order of their bytes */
    SECTION_KEYS,    /* u64[n]: the first bytes of each, in that order: see
                        vocabulary_key */
    SECTION_BUCKETS, /* u32[2^16 + 1]: where in `sorted` each pair of first bytes begins
                      */
    SECTION_SHORTER, /* u32[n]: the longest token that is a proper prefix, or NONE */
    SECTION_SPLITS,  /* struct vocabulary_split[n] */
    SECTION_PAIRS,   /* struct vocabulary_slot[]: ids by their split, likewise */
    SECTION_COUNT,
};

struct vocabulary_header {
    char magic[8];
    uint32_t version;
    uint32_t tokens;
    uint32_t slots, pairs;                 /* both powers of two */
    uint64_t checksum;                     /* of all bytes behind the header */
    uint64_t section_bytes[SECTION_COUNT]; /* without padding */
};

struct vocabulary_slot {
    uint32_t id;    /* or VOCABULARY_NONE */
    uint32_t check; /* the upper half of the hash, so that a miss costs one read */
};

struct vocabulary_split {
    uint32_t left, right; /* of a single byte: the token itself, twice */
};

struct vocabulary {
    const struct vocabulary_header *header;
    size_t mapped_bytes;
    uint32_t n;
    uint32_t slot_mask, pair_mask;
    const uint32_t *offsets;
    const uint8_t *bytes;
    const struct vocabulary_slot *slots, *pairs;
    const uint32_t *sorted;
    const uint64_t *keys;
    const uint32_t *buckets;
    const uint32_t *shorter;
    const struct vocabulary_split *splits;
};

#define VOCABULARY_MIX 0x9E3779B97F4A7C15u /* 2^64 / the golden ratio, odd */

uint64_t vocabulary_checksum(const void *bytes, size_t n);
/* NONE if no token has these bytes. */
uint32_t vocabulary_find(const struct vocabulary *v, const uint8_t *p, size_t n);
/* The longest token that text begins with; n is at least 1. */
uint32_t vocabulary_longest(const struct vocabulary *v, const uint8_t *p, size_t n);
/* The token whose split is (left, right), or NONE. */
uint32_t vocabulary_merge(const struct vocabulary *v, uint32_t left, uint32_t right);

static inline uint32_t vocabulary_len(const struct vocabulary *v, uint32_t id)
{
    return v->offsets[id + 1] - v->offsets[id];
}

/* Of 1 to 128 bytes; reads none behind them. */
static inline uint64_t vocabulary_hash(const uint8_t *p, size_t n)
{
    uint64_t h = n, word = 0;

    for (; n > 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * VOCABULARY_MIX;
        h ^= h >> 29;
    }
    word = 0;
    if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        word = (uint64_t)high << 32 | low;
    } else {
        word = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
    }
    h = (h ^ word) * VOCABULARY_MIX;
    return h ^ h >> 32;
}

/* The first eight bytes as a number that sorts as they do; zeros behind the last. */
static inline uint64_t vocabulary_key(const uint8_t *p, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, p, n < 8 ? n : 8);
    return __builtin_bswap64(word);
}

static inline uint64_t vocabulary_pair_hash(uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * VOCABULARY_MIX;
    return h ^ h >> 32;
}

#endif
