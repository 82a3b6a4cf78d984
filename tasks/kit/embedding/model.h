/* SPDX-License-Identifier: Apache-2.0 */
/* model - the prepacked file: all-MiniLM-L6-v2 in the very layouts the kernels read.
 *
 *   header | words | positions | layers' vectors | fp32 blocks | bf16 blocks | trie
 *
 * Every linear layer is cut into square blocks of 384 by 384, twelve to a layer:
 *
 *   query key value out up0 up1 up2 up3 down0 down1 down2 down3
 *
 * so that one multiplication serves all of them: "up" blocks give 384 columns each of
 * the 1536, "down" blocks take 384 rows each of them, and the feed-forward part runs
 * through the cache slice by slice.
 *
 * An fp32 block is 24 panels of 16 columns, each row by row:   [24][384][16].
 * A bf16 block is 12 panels of 32 columns, each 12 pairs of AMX tiles of 16 columns and
 * 32 rows, two rows interleaved as the tiles want them:        [12][12][2][16][16][2].
 *
 * The file is written and read by one build on one kind of machine (little-endian), is
 * mapped read-only, and opening touches only the header and the trie. */
#ifndef KIT_MODEL_H
#define KIT_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_WIDTH = 384,
    MODEL_LAYERS = 6,
    MODEL_HEADS = 12,
    MODEL_HEAD_WIDTH = 32,
    MODEL_SLICES = 4, /* of the feed-forward part: 1536 / 384 */
    MODEL_WINDOW = 256,
    MODEL_BLOCK_FLOATS = MODEL_WIDTH * MODEL_WIDTH,

    MODEL_WORD_MAX = 100, /* characters; a longer word is unknown */
};

#define MODEL_VERSION 1u
#define MODEL_NORM_EPSILON 1e-12f

enum model_block {
    BLOCK_QUERY,
    BLOCK_KEY,
    BLOCK_VALUE,
    BLOCK_OUT,
    BLOCK_UP,
    BLOCK_DOWN = BLOCK_UP + MODEL_SLICES,
    BLOCKS = BLOCK_DOWN + MODEL_SLICES
};

struct norm {
    float scale[MODEL_WIDTH], shift[MODEL_WIDTH];
};

/* A layer's biases and norms, as they lie in the file. */
struct layer_vectors {
    float query[MODEL_WIDTH], key[MODEL_WIDTH], value[MODEL_WIDTH], out[MODEL_WIDTH];
    float up[MODEL_SLICES * MODEL_WIDTH], down[MODEL_WIDTH];
    struct norm after_attention, after_feed_forward;
};

struct vectors {
    struct norm embedding;
    struct layer_vectors layers[MODEL_LAYERS];
};

/* The vocabulary as a double array: from slot s, byte c leads to slot base + c if that
 * slot's parent is s. Slot 0 is the start of a word. */
struct trie_slot {
    uint32_t base;
    uint32_t parent; /* TRIE_NONE in a free slot */
    uint32_t id;     /* of the piece that ends here, or TRIE_NONE */
};
#define TRIE_NONE UINT32_MAX

enum model_section {
    SECTION_WORDS,     /* float [words][384] */
    SECTION_POSITIONS, /* float [256][384], the type embedding added in */
    SECTION_VECTORS,   /* struct vectors */
    SECTION_FP32,      /* float [layers][blocks][384 * 384] */
    SECTION_BF16,      /* uint16_t, likewise */
    SECTION_TRIE,      /* struct trie_slot [slots] */
    SECTIONS,
};

struct model_header {
    char magic[8];
    uint32_t version, sections;
    uint32_t width, layers, heads, slices, window;
    uint32_t words, slots;
    uint32_t continuation;                   /* slot behind "##" */
    uint32_t pad, unknown, start, end, mask; /* ids of [PAD] [UNK] [CLS] [SEP] [MASK] */
    uint32_t reserved;
    struct {
        uint64_t at, bytes;
    } section[SECTIONS];
    uint64_t file_bytes;
    uint64_t content_sum; /* of everything behind the header's page */
    uint64_t header_sum;  /* of everything before this field */
};

extern const char model_magic[8];
enum { MODEL_ALIGNMENT = 4096 }; /* of each section */

struct model {
    const void *map;
    size_t map_bytes;
    const struct model_header *header;
    const float *words, *positions;
    const struct vectors *vectors;
    const float *fp32;
    const uint16_t *bf16;
    const struct trie_slot *trie;
};

/* Maps the file and checks all that later reads rely on. On failure returns -errno with
 * one line in why. */
int model_open(struct model *m, const char *path, char *why, size_t why_size);
void model_close(struct model *m);
/* Reads the whole file: does its content have the recorded sum? */
int model_verify(const struct model *m, char *why, size_t why_size);

/* What each section must measure for these counts; 0 where they are absurd. */
uint64_t model_section_bytes(enum model_section s, uint32_t words, uint32_t slots);
uint64_t model_sum(uint64_t sum, const void *bytes, size_t n);
uint64_t model_header_sum(const struct model_header *h);

static inline const float *model_fp32(const struct model *m, size_t layer, size_t block)
{
    return m->fp32 + (layer * BLOCKS + block) * MODEL_BLOCK_FLOATS;
}

static inline const uint16_t *model_bf16(const struct model *m, size_t layer,
                                         size_t block)
{
    return m->bf16 + (layer * BLOCKS + block) * MODEL_BLOCK_FLOATS;
}

#endif
