/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 with AMX. Products take bf16 and sum in fp32; the residual stream, the norms and
 * softmax are fp32.
 *
 * A product goes by blocks of 32 by 32: four tiles of sums, two of rows, two of
 * columns. While the tiles work on one block, the vector units finish the one before
 * (bias, GELU, rounding), a few rows after each step. */
#ifndef LANES
#define LANES 16
#endif
#include "lanes.h"

#ifdef EMBEDDING_TILES /* a test's */
#include EMBEDDING_TILES
#else
#include "tiles.h"
#endif

typedef uint32_t lanes_bits __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint16_t lanes_bf16 __attribute__((vector_size(LANES * sizeof(uint16_t))));

enum {
    SIDE = 32,  /* of a block */
    DEPTH = 32, /* of one step: what a tile multiplies at once */
    STEPS = MODEL_WIDTH / DEPTH,
    TILE = 16 * 32, /* bf16 in one */
    PANEL = STEPS * 2 * TILE,
    ROW_BYTES = MODEL_WIDTH * sizeof(uint16_t),
    ROWS_PER_STEP = (SIDE + STEPS - 1) / STEPS,
    PREFETCH = 64 / sizeof(uint16_t), /* a cache line */
};

typedef uint16_t bf16_row[MODEL_WIDTH];
typedef float block_sums[SIDE][SIDE];

struct amx_scratch {
    alignas(64) bf16_row input[BATCH_ROWS];        /* x, rounded */
    alignas(64) bf16_row query[BATCH_ROWS + SIDE]; /* the last block may reach over */
    alignas(64) bf16_row key[BATCH_ROWS];
    alignas(64) bf16_row value[BATCH_ROWS];
    alignas(64) bf16_row mixed[BATCH_ROWS]; /* by attention; then a slice */
    alignas(64) float sum[BATCH_ROWS][MODEL_WIDTH];
    alignas(64) block_sums sums[2];
    /* One head's attention, for up to 32 queries. */
    alignas(64) uint32_t keys[MODEL_WINDOW / 16][16][16];
    alignas(64) uint32_t values[MODEL_WINDOW / DEPTH][2][16][16];
    alignas(64) float scores[SIDE][MODEL_WINDOW];
    alignas(64) uint16_t weights[SIDE][MODEL_WINDOW];
};

/* To nearest, ties to even, as bf16_of. */
INLINE void store_bf16(uint16_t *p, lanes v)
{
    lanes_bits bits = (lanes_bits)v;
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    lanes_bf16 rounded = __builtin_convertvector(bits, lanes_bf16);
    memcpy(p, &rounded, sizeof(rounded));
}

static void round_rows(bf16_row *out, const float *x, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < MODEL_WIDTH; i += LANES)
            store_bf16(out[r] + i, lanes_load(x + r * MODEL_WIDTH + i));
    }
}

enum finish { ROUND, GELU_ROUND, STORE, ACCUMULATE };

struct product {
    bf16_row *a;
    const uint16_t *block;
    const float *bias; /* unless ACCUMULATE */
    bf16_row *rounded; /* where ROUND and GELU_ROUND go */
    float (*sum)[MODEL_WIDTH];
};

/* A block that the tiles have left. */
struct pending {
    block_sums *sums;
    size_t row, rows, column;
};

INLINE void finish_rows(const struct product *p, const struct pending *done,
                        size_t from, enum finish finish)
{
    for (size_t r = from; r < from + ROWS_PER_STEP && r < done->rows; r++) {
        for (size_t j = 0; j < SIDE; j += LANES) {
            size_t row = done->row + r, column = done->column + j;
            lanes v = lanes_load(&(*done->sums)[r][j]);
            v += lanes_load(finish == ACCUMULATE ? &p->sum[row][column]
                                                 : &p->bias[column]);
            if (finish == GELU_ROUND)
                v = lanes_gelu(v);
            if (finish == ROUND || finish == GELU_ROUND)
                store_bf16(&p->rounded[row][column], v);
            else
                lanes_store(&p->sum[row][column], v);
        }
    }
}

INLINE void multiply_block(const struct product *p, const struct pending *now,
                           const struct pending *done, enum finish finish)
{
    const uint16_t *a = p->a[now->row];
    const uint16_t *b = p->block + now->column / SIDE * PANEL;
    bool tall = now->rows > 16;
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    for (size_t step = 0; step < STEPS; step++, a += DEPTH, b += 2 * TILE) {
        tile_load(4, a, ROW_BYTES);
        tile_load(6, b, 64);
        tile_load(7, b + TILE, 64);
        tile_multiply(0, 4, 6);
        tile_multiply(1, 4, 7);
        if (tall) {
            tile_load(5, a + 16 * MODEL_WIDTH, ROW_BYTES);
            tile_multiply(2, 5, 6);
            tile_multiply(3, 5, 7);
        }
        finish_rows(p, done, step * ROWS_PER_STEP, finish);
    }
    float *sums = (float *)*now->sums;
    tile_store(0, sums, SIDE * sizeof(float));
    tile_store(1, sums + 16, SIDE * sizeof(float));
    if (tall) {
        tile_store(2, sums + 16 * SIDE, SIDE * sizeof(float));
        tile_store(3, sums + 16 * SIDE + 16, SIDE * sizeof(float));
    }
}

/* The share of the next panel that one block of this one fetches ahead: weights come
 * from beyond the core's own cache, once per batch. */
INLINE void fetch_ahead(const struct product *p, size_t column, size_t row, size_t rows)
{
    if (column + SIDE >= MODEL_WIDTH)
        return;
    const uint16_t *next = p->block + (column / SIDE + 1) * PANEL;
    size_t blocks = (rows + SIDE - 1) / SIDE;
    size_t from = row / SIDE * PANEL / blocks, to = (row / SIDE + 1) * PANEL / blocks;
    for (size_t i = from; i < to; i += PREFETCH)
        __builtin_prefetch(next + i, 0, 2);
}

/* rows is a multiple of 16. */
INLINE void multiply(const struct product *p, struct amx_scratch *s, size_t rows,
                     enum finish finish)
{
    struct pending done = {.sums = &s->sums[0]};
    size_t turn = 0;
    tile_fence();
    for (size_t column = 0; column < MODEL_WIDTH; column += SIDE) {
        for (size_t row = 0; row < rows; row += SIDE) {
            struct pending now = {.sums = &s->sums[++turn % 2],
                                  .row = row,
                                  .rows = rows - row < SIDE ? rows - row : SIDE,
                                  .column = column};
            fetch_ahead(p, column, row, rows);
            multiply_block(p, &now, &done, finish);
            done = now;
        }
    }
    for (size_t r = 0; r < done.rows; r += ROWS_PER_STEP)
        finish_rows(p, &done, r, finish);
}

#define NOINLINE static __attribute__((noinline))

NOINLINE void multiply_round(const struct product *p, struct amx_scratch *s,
                             size_t rows)
{
    multiply(p, s, rows, ROUND);
}

NOINLINE void multiply_gelu(const struct product *p, struct amx_scratch *s, size_t rows)
{
    multiply(p, s, rows, GELU_ROUND);
}

NOINLINE void multiply_store(const struct product *p, struct amx_scratch *s,
                             size_t rows)
{
    multiply(p, s, rows, STORE);
}

NOINLINE void multiply_more(const struct product *p, struct amx_scratch *s, size_t rows)
{
    multiply(p, s, rows, ACCUMULATE);
}

/* Keys become columns: tile row r holds dimensions 2r and 2r + 1 of sixteen keys. */
static void pack_keys(struct amx_scratch *s, size_t first, size_t n, size_t head)
{
    size_t full = (n + SIDE - 1) / SIDE * SIDE;
    for (size_t i = 0; i < full; i++) {
        uint32_t pairs[16] = {0};
        if (i < n)
            memcpy(pairs, s->key[first + i] + head, sizeof(pairs));
        for (size_t r = 0; r < 16; r++)
            s->keys[i / 16][r][i % 16] = pairs[r];
    }
}

/* Tile row r holds the values of keys 2r and 2r + 1, dimension by dimension. */
static void pack_values(struct amx_scratch *s, size_t first, size_t n, size_t head)
{
    static const uint16_t none[MODEL_HEAD_WIDTH];
    size_t full = (n + DEPTH - 1) / DEPTH * DEPTH;
    for (size_t i = 0; i < full; i += 2) {
        const uint16_t *even = i < n ? s->value[first + i] + head : none;
        const uint16_t *odd = i + 1 < n ? s->value[first + i + 1] + head : none;
        for (size_t d = 0; d < MODEL_HEAD_WIDTH; d++)
            s->values[i / DEPTH][d / 16][i % DEPTH / 2][d % 16] =
                even[d] | (uint32_t)odd[d] << 16;
    }
}

static void score(struct amx_scratch *s, size_t row, size_t n, size_t head)
{
    const uint16_t *query = s->query[row] + head;
    tile_fence();
    tile_load(4, query, ROW_BYTES);
    tile_load(5, query + 16 * MODEL_WIDTH, ROW_BYTES);
    for (size_t i = 0; i < n; i += SIDE) {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
        tile_load(6, s->keys[i / 16], 64);
        tile_load(7, s->keys[i / 16 + 1], 64);
        tile_multiply(0, 4, 6);
        tile_multiply(1, 4, 7);
        tile_multiply(2, 5, 6);
        tile_multiply(3, 5, 7);
        tile_store(0, &s->scores[0][i], sizeof(s->scores[0]));
        tile_store(1, &s->scores[0][i + 16], sizeof(s->scores[0]));
        tile_store(2, &s->scores[16][i], sizeof(s->scores[0]));
        tile_store(3, &s->scores[16][i + 16], sizeof(s->scores[0]));
    }
}

static void soften(struct amx_scratch *s, size_t rows, size_t n)
{
    size_t full = (n + DEPTH - 1) / DEPTH * DEPTH;
    for (size_t r = 0; r < rows; r++) {
        lanes_soften(s->scores[r], n);
        for (size_t i = 0; i < n; i += LANES)
            store_bf16(&s->weights[r][i], lanes_load(&s->scores[r][i]));
        for (size_t i = n; i < full; i++)
            s->weights[r][i] = 0;
    }
}

static void mix(struct amx_scratch *s, size_t row, size_t rows, size_t n, size_t head)
{
    float *sums = s->sums[0][0];
    tile_fence();
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    for (size_t i = 0; i < n; i += DEPTH) {
        tile_load(4, &s->weights[0][i], sizeof(s->weights[0]));
        tile_load(5, &s->weights[16][i], sizeof(s->weights[0]));
        tile_load(6, s->values[i / DEPTH][0], 64);
        tile_load(7, s->values[i / DEPTH][1], 64);
        tile_multiply(0, 4, 6);
        tile_multiply(1, 4, 7);
        tile_multiply(2, 5, 6);
        tile_multiply(3, 5, 7);
    }
    tile_store(0, sums, SIDE * sizeof(float));
    tile_store(1, sums + 16, SIDE * sizeof(float));
    tile_store(2, sums + 16 * SIDE, SIDE * sizeof(float));
    tile_store(3, sums + 16 * SIDE + 16, SIDE * sizeof(float));
    for (size_t r = 0; r < rows; r++) {
        for (size_t d = 0; d < MODEL_HEAD_WIDTH; d += LANES)
            store_bf16(s->mixed[row + r] + head + d, lanes_load(&s->sums[0][r][d]));
    }
}

/* Queries go by 32; rows that a block has beyond its window belong to others, are
 * computed and dropped. */
static void attend_window(struct amx_scratch *s, size_t first, size_t n)
{
    for (size_t head = 0; head < MODEL_WIDTH; head += MODEL_HEAD_WIDTH) {
        pack_keys(s, first, n, head);
        pack_values(s, first, n, head);
        for (size_t i = 0; i < n; i += SIDE) {
            size_t rows = n - i < SIDE ? n - i : SIDE;
            score(s, first + i, n, head);
            soften(s, rows, n);
            mix(s, first + i, rows, n, head);
        }
    }
}

static void add_and_normalise(float *x, struct amx_scratch *s, size_t rows,
                              const struct norm *norm)
{
    for (size_t r = 0; r < rows; r++)
        lanes_normalise(x + r * MODEL_WIDTH, s->sum[r], norm);
    round_rows(s->input, x, rows);
}

static void encode_attention(const struct model *m, const struct batch *b, size_t layer,
                             struct amx_scratch *s, size_t rows)
{
    const struct layer_vectors *v = &m->vectors->layers[layer];
    const struct product products[] = {
        {s->input, model_bf16(m, layer, BLOCK_QUERY), v->query, s->query, NULL},
        {s->input, model_bf16(m, layer, BLOCK_KEY), v->key, s->key, NULL},
        {s->input, model_bf16(m, layer, BLOCK_VALUE), v->value, s->value, NULL},
        {s->mixed, model_bf16(m, layer, BLOCK_OUT), v->out, NULL, s->sum},
    };
    for (size_t i = 0; i < 3; i++)
        multiply_round(&products[i], s, rows);
    for (size_t w = 0; w < b->windows; w++)
        attend_window(s, b->first[w], b->length[w]);
    multiply_store(&products[3], s, rows);
}

static void encode_feed_forward(const struct model *m, size_t layer,
                                struct amx_scratch *s, size_t rows)
{
    const struct layer_vectors *v = &m->vectors->layers[layer];
    for (size_t i = 0; i < MODEL_SLICES; i++) {
        const struct product up = {s->input, model_bf16(m, layer, BLOCK_UP + i),
                                   v->up + i * MODEL_WIDTH, s->mixed, NULL};
        const struct product down = {s->mixed, model_bf16(m, layer, BLOCK_DOWN + i),
                                     v->down, NULL, s->sum};
        multiply_gelu(&up, s, rows);
        if (i == 0)
            multiply_store(&down, s, rows);
        else
            multiply_more(&down, s, rows);
    }
}

/* Products take sixteen rows at a time; those behind the last count for nothing but
 * must be numbers, or they would be slow ones. */
static size_t clear_padding(struct amx_scratch *s, size_t rows)
{
    size_t full = (rows + 15) / 16 * 16;
    memset(s->input[rows], 0, (full - rows) * sizeof(bf16_row));
    memset(s->mixed[rows], 0, (full - rows) * sizeof(bf16_row));
    return full;
}

static void encode(const struct model *m, const struct batch *b, struct work *w)
{
    struct amx_scratch *s = (struct amx_scratch *)w->scratch;
    lanes_look_up(m, b, w->x);
    round_rows(s->input, w->x, b->rows);
    size_t rows = clear_padding(s, b->rows);
    tile_begin();
    for (size_t layer = 0; layer < MODEL_LAYERS; layer++) {
        const struct layer_vectors *v = &m->vectors->layers[layer];
        encode_attention(m, b, layer, s, rows);
        add_and_normalise(w->x, s, b->rows, &v->after_attention);
        encode_feed_forward(m, layer, s, rows);
        add_and_normalise(w->x, s, b->rows, &v->after_feed_forward);
    }
    tile_end();
}

const struct kernel_set TILES_KERNELS = {
    .name = TILES_NAME,
    .path = EMBEDDING_AMX,
    .scratch_bytes = sizeof(struct amx_scratch),
    .available = tiles_available,
    .encode = encode,
};
