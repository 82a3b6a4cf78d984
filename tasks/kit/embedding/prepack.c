/* SPDX-License-Identifier: Apache-2.0 */
#include "prepack.h"

#include "bf16.h"
#include "model.h"
#include "safetensors.h"
#include "word_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TYPES = 2, POSITIONS = 512, UP = MODEL_SLICES * MODEL_WIDTH };

struct prepack {
    struct safetensors weights;
    struct word_list list;
    struct trie trie;
    struct model_header header;
    char temporary[4096];
    int fd;
    char *map;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct prepack *p, int code,
                                                        const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->why, p->why_size, fmt, args);
    va_end(args);
    return -code;
}

static uint32_t word_id(const struct prepack *p, const char *word)
{
    uint32_t slot = trie_find(&p->trie, str_of(word));
    return slot == TRIE_NONE ? TRIE_NONE : p->trie.slots[slot].id;
}

static int read_vocabulary(struct prepack *p, const char *path)
{
    struct model_header *h = &p->header;
    int r = word_list_read(&p->list, path, p->why, p->why_size);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->list.n; i++) {
        if (p->list.words[i].id >= h->words)
            h->words = p->list.words[i].id + 1;
    }
    r = trie_build(&p->trie, p->list.words, p->list.n);
    if (r < 0)
        return refuse(p, -r, "cannot use the vocabulary %s: %s", path,
                      r == -EINVAL ? "a word is there twice" : strerror(-r));
    h->slots = (uint32_t)p->trie.n;
    h->continuation = trie_find(&p->trie, STR("##"));
    h->pad = word_id(p, "[PAD]");
    h->unknown = word_id(p, "[UNK]");
    h->start = word_id(p, "[CLS]");
    h->end = word_id(p, "[SEP]");
    h->mask = word_id(p, "[MASK]");
    if (h->continuation == TRIE_NONE || h->pad == TRIE_NONE ||
        h->unknown == TRIE_NONE || h->start == TRIE_NONE || h->end == TRIE_NONE ||
        h->mask == TRIE_NONE)
        return refuse(
            p, EINVAL,
            "cannot use the vocabulary %s: it lacks ## pieces or one of [PAD] "
            "[UNK] [CLS] [SEP] [MASK]",
            path);
    return 0;
}

static void lay_out(struct model_header *h)
{
    memcpy(h->magic, model_magic, sizeof(model_magic));
    h->version = MODEL_VERSION;
    h->sections = SECTIONS;
    h->width = MODEL_WIDTH;
    h->layers = MODEL_LAYERS;
    h->heads = MODEL_HEADS;
    h->slices = MODEL_SLICES;
    h->window = MODEL_WINDOW;
    uint64_t at = MODEL_ALIGNMENT;
    for (int s = 0; s < SECTIONS; s++) {
        h->section[s].at = at;
        h->section[s].bytes =
            model_section_bytes((enum model_section)s, h->words, h->slots);
        at += h->section[s].bytes;
        at = (at + MODEL_ALIGNMENT - 1) / MODEL_ALIGNMENT * MODEL_ALIGNMENT;
    }
    h->file_bytes = at;
}

static int create_temporary(struct prepack *p, const char *out)
{
    int n = snprintf(p->temporary, sizeof(p->temporary), "%s.XXXXXX", out);
    if (n < 0 || (size_t)n >= sizeof(p->temporary))
        return refuse(p, ENAMETOOLONG, "cannot write %s: %s", out,
                      strerror(ENAMETOOLONG));
    p->fd = mkostemp(p->temporary, O_CLOEXEC);
    if (p->fd < 0) {
        p->temporary[0] = '\0';
        return refuse(p, errno, "cannot write %s: %s", out, strerror(errno));
    }
    /* Room first: running out of it later would be a signal, not an error. */
    int code = posix_fallocate(p->fd, 0, (off_t)p->header.file_bytes);
    if (code == 0) {
        void *map = mmap(NULL, p->header.file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                         p->fd, 0);
        if (map != MAP_FAILED) {
            p->map = map;
            return 0;
        }
        code = errno;
    }
    return refuse(p, code, "cannot write %s: %s", out, strerror(code));
}

static void *section(const struct prepack *p, enum model_section s)
{
    return p->map + p->header.section[s].at;
}

/* A tensor of the embeddings, or of a layer ("layer.%d." in front). */
static const float *tensor(struct prepack *p, int layer, const char *name, size_t rows,
                           size_t columns)
{
    char full[128];
    if (layer < 0)
        snprintf(full, sizeof(full), "embeddings.%s", name);
    else
        snprintf(full, sizeof(full), "encoder.layer.%d.%s", layer, name);
    return safetensors_get(&p->weights, full, rows, columns, p->why, p->why_size);
}

static int copy(struct prepack *p, int layer, const char *name, float *out, size_t n)
{
    const float *t = tensor(p, layer, name, n, 0);
    if (!t)
        return -EINVAL;
    memcpy(out, t, n * sizeof(float));
    return 0;
}

static int pack_embeddings(struct prepack *p)
{
    const float *words =
        tensor(p, -1, "word_embeddings.weight", p->header.words, MODEL_WIDTH);
    const float *positions =
        words ? tensor(p, -1, "position_embeddings.weight", POSITIONS, MODEL_WIDTH)
              : NULL;
    const float *types =
        positions ? tensor(p, -1, "token_type_embeddings.weight", TYPES, MODEL_WIDTH)
                  : NULL;
    if (!types)
        return -EINVAL;
    memcpy(section(p, SECTION_WORDS), words, p->header.section[SECTION_WORDS].bytes);
    float *out = section(p, SECTION_POSITIONS);
    for (size_t i = 0; i < (size_t)MODEL_WINDOW * MODEL_WIDTH; i++)
        out[i] = positions[i] + types[i % MODEL_WIDTH]; /* type 0: there is one text */
    struct norm *norm = &((struct vectors *)section(p, SECTION_VECTORS))->embedding;
    int r = copy(p, -1, "LayerNorm.weight", norm->scale, MODEL_WIDTH);
    return r < 0 ? r : copy(p, -1, "LayerNorm.bias", norm->shift, MODEL_WIDTH);
}

static int pack_vectors(struct prepack *p, int layer)
{
    struct layer_vectors *v =
        &((struct vectors *)section(p, SECTION_VECTORS))->layers[layer];
    const struct {
        const char *name;
        float *out;
        size_t n;
    } rows[] = {
        {"attention.self.query.bias", v->query, MODEL_WIDTH},
        {"attention.self.key.bias", v->key, MODEL_WIDTH},
        {"attention.self.value.bias", v->value, MODEL_WIDTH},
        {"attention.output.dense.bias", v->out, MODEL_WIDTH},
        {"attention.output.LayerNorm.weight", v->after_attention.scale, MODEL_WIDTH},
        {"attention.output.LayerNorm.bias", v->after_attention.shift, MODEL_WIDTH},
        {"intermediate.dense.bias", v->up, UP},
        {"output.dense.bias", v->down, MODEL_WIDTH},
        {"output.LayerNorm.weight", v->after_feed_forward.scale, MODEL_WIDTH},
        {"output.LayerNorm.bias", v->after_feed_forward.shift, MODEL_WIDTH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int r = copy(p, layer, rows[i].name, rows[i].out, rows[i].n);
        if (r < 0)
            return r;
    }
    return 0;
}

/* One square of a matrix stored output by input, its rows `stride` apart, into both
 * layouts that model.h draws. */
static void pack_block(struct prepack *p, int layer, int block, const float *w,
                       size_t stride)
{
    size_t at = ((size_t)layer * BLOCKS + (size_t)block) * MODEL_BLOCK_FLOATS;
    float *fp32 = (float *)section(p, SECTION_FP32) + at;
    uint16_t *bf16 = (uint16_t *)section(p, SECTION_BF16) + at;
    for (size_t column = 0; column < MODEL_WIDTH; column++) {
        for (size_t k = 0; k < MODEL_WIDTH; k++) {
            float v = w[column * stride + k];
            fp32[column / 16 * (MODEL_WIDTH * 16) + k * 16 + column % 16] = v;
            size_t tile = (column / 32 * 12 + k / 32) * 2 + column / 16 % 2;
            bf16[tile * 512 + k % 32 / 2 * 32 + column % 16 * 2 + k % 2] = bf16_of(v);
        }
    }
}

static int pack_blocks(struct prepack *p, int layer)
{
    /* Slice i of "up" begins i * 384 outputs further, of "down" i * 384 inputs. */
    static const struct {
        const char *name;
        int block, slices;
        size_t outputs, inputs, step;
    } matrices[] = {
        {"attention.self.query.weight", BLOCK_QUERY, 1, MODEL_WIDTH, MODEL_WIDTH, 0},
        {"attention.self.key.weight", BLOCK_KEY, 1, MODEL_WIDTH, MODEL_WIDTH, 0},
        {"attention.self.value.weight", BLOCK_VALUE, 1, MODEL_WIDTH, MODEL_WIDTH, 0},
        {"attention.output.dense.weight", BLOCK_OUT, 1, MODEL_WIDTH, MODEL_WIDTH, 0},
        {"intermediate.dense.weight", BLOCK_UP, MODEL_SLICES, UP, MODEL_WIDTH,
         MODEL_BLOCK_FLOATS},
        {"output.dense.weight", BLOCK_DOWN, MODEL_SLICES, MODEL_WIDTH, UP, MODEL_WIDTH},
    };
    for (size_t i = 0; i < sizeof(matrices) / sizeof(matrices[0]); i++) {
        size_t inputs = matrices[i].inputs, step = matrices[i].step;
        const float *w =
            tensor(p, layer, matrices[i].name, matrices[i].outputs, inputs);
        if (!w)
            return -EINVAL;
        for (int slice = 0; slice < matrices[i].slices; slice++)
            pack_block(p, layer, matrices[i].block + slice, w + (size_t)slice * step,
                       inputs);
    }
    return 0;
}

static int pack(struct prepack *p)
{
    int r = pack_embeddings(p);
    for (int layer = 0; r == 0 && layer < MODEL_LAYERS; layer++) {
        r = pack_vectors(p, layer);
        if (r == 0)
            r = pack_blocks(p, layer);
    }
    if (r < 0)
        return r;
    memcpy(section(p, SECTION_TRIE), p->trie.slots,
           p->header.section[SECTION_TRIE].bytes);
    p->header.content_sum =
        model_sum(0, p->map + MODEL_ALIGNMENT, p->header.file_bytes - MODEL_ALIGNMENT);
    p->header.header_sum = model_header_sum(&p->header);
    memcpy(p->map, &p->header, sizeof(p->header));
    return 0;
}

/* What was written is read back through the reader's own checks before it gets its
 * name. */
static int publish(struct prepack *p, const char *out)
{
    struct model m;
    if (msync(p->map, p->header.file_bytes, MS_SYNC) != 0 || fsync(p->fd) != 0 ||
        fchmod(p->fd, 0644) != 0)
        return refuse(p, errno, "cannot write %s: %s", out, strerror(errno));
    int r = model_open(&m, p->temporary, p->why, p->why_size);
    if (r == 0)
        r = model_verify(&m, p->why, p->why_size);
    model_close(&m);
    if (r < 0)
        return r;
    if (rename(p->temporary, out) != 0)
        return refuse(p, errno, "cannot write %s: %s", out, strerror(errno));
    p->temporary[0] = '\0'; /* it is the result now */
    return 0;
}

static void finish(struct prepack *p)
{
    if (p->map)
        munmap(p->map, p->header.file_bytes);
    if (p->fd >= 0)
        close(p->fd);
    if (p->temporary[0])
        unlink(p->temporary);
    trie_finish(&p->trie);
    word_list_finish(&p->list);
    safetensors_close(&p->weights);
}

int prepack_model(const char *safetensors, const char *words, const char *out,
                  char *why, size_t why_size)
{
    struct prepack p = {.fd = -1, .why = why, .why_size = why_size};
    int r = safetensors_open(&p.weights, safetensors, why, why_size);
    if (r == 0)
        r = read_vocabulary(&p, words);
    if (r == 0) {
        lay_out(&p.header);
        r = create_temporary(&p, out);
    }
    if (r == 0)
        r = pack(&p);
    if (r == 0)
        r = publish(&p, out);
    finish(&p);
    return r;
}
