/* SPDX-License-Identifier: Apache-2.0 */
/* fp32 with AVX2 and FMA. One micro-kernel does all multiplying: six rows by sixteen
 * columns in twelve registers, two loads and six broadcasts for twelve products. */
#define LANES 8
#include "lanes.h"

#include "cpu.h"

#include <stdio.h>

enum { PANEL = 16, TILE_ROWS = 6, PAIR = PANEL / LANES };

struct fp32_scratch {
    alignas(64) float query[BATCH_ROWS * MODEL_WIDTH];
    alignas(64) float key[BATCH_ROWS * MODEL_WIDTH];
    alignas(64) float value[BATCH_ROWS * MODEL_WIDTH];
    alignas(64) float mixed[BATCH_ROWS * MODEL_WIDTH]; /* by attention; then a slice */
    alignas(64) float sum[BATCH_ROWS * MODEL_WIDTH];
    alignas(64) float keys[MODEL_WINDOW * MODEL_HEAD_WIDTH]; /* a head's, as panels */
    alignas(64) float weights[TILE_ROWS * MODEL_WINDOW];
};

/* What becomes of a product. */
enum finish { ADD_BIAS, ACCUMULATE, STORE };

struct product {
    const float *a, *b, *bias; /* b: depth rows of 16 columns, b_stride apart */
    float *c;
    size_t a_stride, b_stride, c_stride, depth;
};

static bool available(char *why, size_t why_size)
{
    if (cpu_has_avx2())
        return true;
    snprintf(why, why_size, "this CPU lacks AVX2 or FMA");
    return false;
}

/* rows is a constant where this is inlined, so that acc lives in registers. */
INLINE void multiply_tile(const struct product *p, size_t row, int rows,
                          enum finish finish)
{
    lanes acc[TILE_ROWS][PAIR];
    const float *a = p->a + row * p->a_stride, *b = p->b;
    for (int r = 0; r < rows; r++)
        acc[r][0] = acc[r][1] = (lanes){0};
    for (size_t k = 0; k < p->depth; k++, b += p->b_stride) {
        lanes b0 = lanes_load(b), b1 = lanes_load(b + LANES);
        for (int r = 0; r < rows; r++) {
            lanes v = lanes_of(a[(size_t)r * p->a_stride + k]);
            acc[r][0] += v * b0;
            acc[r][1] += v * b1;
        }
    }
    for (int r = 0; r < rows; r++) {
        float *c = p->c + (row + (size_t)r) * p->c_stride;
        for (int j = 0; j < PAIR; j++, c += LANES) {
            lanes v = acc[r][j];
            if (finish == ADD_BIAS)
                v += lanes_load(p->bias + j * LANES);
            if (finish == ACCUMULATE)
                v += lanes_load(c);
            lanes_store(c, v);
        }
    }
}

/* rows shared out evenly: 128 are 18 tiles of six and 4 of five, rather than 21 of six
 * and a slow one of two. */
INLINE void multiply_panel(const struct product *p, size_t rows, enum finish finish)
{
    size_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t t = 0, row = 0; t < tiles; t++) {
        size_t n = (rows - row) / (tiles - t);
        switch (n) {
        case 6:
            multiply_tile(p, row, 6, finish);
            break;
        case 5:
            multiply_tile(p, row, 5, finish);
            break;
        case 4:
            multiply_tile(p, row, 4, finish);
            break;
        case 3:
            multiply_tile(p, row, 3, finish);
            break;
        case 2:
            multiply_tile(p, row, 2, finish);
            break;
        default:
            multiply_tile(p, row, 1, finish);
        }
        row += n;
    }
}

/* c = finish(a · block): all of a's rows against a panel that stays in L1. */
INLINE void multiply(float *c, const float *a, size_t rows, const float *block,
                     const float *bias, enum finish finish)
{
    for (size_t column = 0; column < MODEL_WIDTH; column += PANEL) {
        struct product p = {.a = a,
                            .b = block + column * MODEL_WIDTH,
                            .bias = bias + column,
                            .c = c + column,
                            .a_stride = MODEL_WIDTH,
                            .b_stride = PANEL,
                            .c_stride = MODEL_WIDTH,
                            .depth = MODEL_WIDTH};
        multiply_panel(&p, rows, finish);
    }
}

static __attribute__((noinline)) void multiply_add(float *c, const float *a,
                                                   size_t rows, const float *block,
                                                   const float *bias)
{
    multiply(c, a, rows, block, bias, ADD_BIAS);
}

static __attribute__((noinline)) void multiply_more(float *c, const float *a,
                                                    size_t rows, const float *block)
{
    multiply(c, a, rows, block, c, ACCUMULATE);
}

static __attribute__((noinline)) void multiply_plain(const struct product *p,
                                                     size_t rows)
{
    multiply_panel(p, rows, STORE);
}

/* A head's keys as panels of 16 keys: [keys / 16][32][16], zeros behind the last. */
static void pack_keys(float *panels, const float *key, size_t n)
{
    size_t full = (n + PANEL - 1) / PANEL * PANEL;
    for (size_t i = 0; i < full; i++) {
        float *out = panels + i / PANEL * (PANEL * MODEL_HEAD_WIDTH) + i % PANEL;
        for (size_t d = 0; d < MODEL_HEAD_WIDTH; d++)
            out[d * PANEL] = i < n ? key[i * MODEL_WIDTH + d] : 0;
    }
}

/* Up to six queries of one head: scores, softmax and the mix of values stay in L1. */
static void attend(struct fp32_scratch *s, size_t at, size_t rows, const float *value,
                   size_t n)
{
    struct product scores = {.a = s->query + at,
                             .a_stride = MODEL_WIDTH,
                             .b_stride = PANEL,
                             .c_stride = MODEL_WINDOW,
                             .depth = MODEL_HEAD_WIDTH};
    for (size_t i = 0; i < n; i += PANEL) {
        scores.b = s->keys + i * MODEL_HEAD_WIDTH;
        scores.c = s->weights + i;
        multiply_plain(&scores, rows);
    }
    for (size_t r = 0; r < rows; r++)
        lanes_soften(s->weights + r * MODEL_WINDOW, n);
    for (size_t d = 0; d < MODEL_HEAD_WIDTH; d += PANEL) {
        struct product mix = {.a = s->weights,
                              .b = value + d,
                              .c = s->mixed + at + d,
                              .a_stride = MODEL_WINDOW,
                              .b_stride = MODEL_WIDTH,
                              .c_stride = MODEL_WIDTH,
                              .depth = n};
        multiply_plain(&mix, rows);
    }
}

static void attend_window(struct fp32_scratch *s, size_t first, size_t n)
{
    for (size_t head = 0; head < MODEL_WIDTH; head += MODEL_HEAD_WIDTH) {
        size_t at = first * MODEL_WIDTH + head;
        pack_keys(s->keys, s->key + at, n);
        for (size_t i = 0; i < n; i += TILE_ROWS) {
            size_t rows = n - i < TILE_ROWS ? n - i : TILE_ROWS;
            attend(s, at + i * MODEL_WIDTH, rows, s->value + at, n);
        }
    }
}

/* Not within the product: its constants would push the sums out of their registers. */
static void gelu(float *x, size_t rows)
{
    for (size_t i = 0; i < rows * MODEL_WIDTH; i += LANES)
        lanes_store(x + i, lanes_gelu(lanes_load(x + i)));
}

static void add_and_normalise(float *x, const float *sum, size_t rows,
                              const struct norm *norm)
{
    for (size_t i = 0; i < rows * MODEL_WIDTH; i += MODEL_WIDTH)
        lanes_normalise(x + i, sum + i, norm);
}

static void encode_layer(const struct model *m, const struct batch *b, size_t layer,
                         float *x, struct fp32_scratch *s)
{
    const struct layer_vectors *v = &m->vectors->layers[layer];
    size_t rows = b->rows;
    multiply_add(s->query, x, rows, model_fp32(m, layer, BLOCK_QUERY), v->query);
    multiply_add(s->key, x, rows, model_fp32(m, layer, BLOCK_KEY), v->key);
    multiply_add(s->value, x, rows, model_fp32(m, layer, BLOCK_VALUE), v->value);
    for (size_t w = 0; w < b->windows; w++)
        attend_window(s, b->first[w], b->length[w]);
    multiply_add(s->sum, s->mixed, rows, model_fp32(m, layer, BLOCK_OUT), v->out);
    add_and_normalise(x, s->sum, rows, &v->after_attention);

    for (size_t i = 0; i < MODEL_SLICES; i++) {
        const float *down = model_fp32(m, layer, BLOCK_DOWN + i);
        multiply_add(s->mixed, x, rows, model_fp32(m, layer, BLOCK_UP + i),
                     v->up + i * MODEL_WIDTH);
        gelu(s->mixed, rows);
        if (i == 0)
            multiply_add(s->sum, s->mixed, rows, down, v->down);
        else
            multiply_more(s->sum, s->mixed, rows, down);
    }
    add_and_normalise(x, s->sum, rows, &v->after_feed_forward);
}

static void encode(const struct model *m, const struct batch *b, struct work *w)
{
    lanes_look_up(m, b, w->x);
    for (size_t layer = 0; layer < MODEL_LAYERS; layer++)
        encode_layer(m, b, layer, w->x, (struct fp32_scratch *)w->scratch);
}

const struct kernel_set kernels_avx2 = {
    .name = "avx2",
    .path = EMBEDDING_AVX2,
    .scratch_bytes = sizeof(struct fp32_scratch),
    .available = available,
    .encode = encode,
};
