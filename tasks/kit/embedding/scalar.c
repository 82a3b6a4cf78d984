/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: plain C, one idea per loop, no more cleverness than the file's layout
 * asks for. What the other kernels compute is compared with this. */
#include "kernels.h"

#include <math.h>
#include <string.h>

typedef float row[MODEL_WIDTH];

struct scalar_scratch {
    row query[BATCH_ROWS], key[BATCH_ROWS], value[BATCH_ROWS];
    row mixed[BATCH_ROWS]; /* by attention, then a slice of the feed-forward part */
    row sum[BATCH_ROWS];
    float weights[MODEL_WINDOW]; /* of one query's attention */
};

static bool available(char *why, size_t why_size)
{
    (void)why, (void)why_size;
    return true;
}

static void normalise(float *x, const struct norm *norm)
{
    float mean = 0, variance = 0;
    for (size_t i = 0; i < MODEL_WIDTH; i++)
        mean += x[i] / MODEL_WIDTH;
    for (size_t i = 0; i < MODEL_WIDTH; i++)
        variance += (x[i] - mean) * (x[i] - mean) / MODEL_WIDTH;
    float scale = 1 / sqrtf(variance + MODEL_NORM_EPSILON);
    for (size_t i = 0; i < MODEL_WIDTH; i++)
        x[i] = (x[i] - mean) * scale * norm->scale[i] + norm->shift[i];
}

static void look_up(const struct model *m, const struct batch *b, row *x)
{
    for (size_t w = 0; w < b->windows; w++) {
        for (size_t i = 0; i < b->length[w]; i++) {
            size_t r = b->first[w] + i;
            const float *word = m->words + (size_t)b->ids[r] * MODEL_WIDTH;
            for (size_t c = 0; c < MODEL_WIDTH; c++)
                x[r][c] = word[c] + m->positions[i * MODEL_WIDTH + c];
            normalise(x[r], &m->vectors->embedding);
        }
    }
}

static void fill(row *c, size_t rows, const float *bias)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(c[r], bias, sizeof(row));
}

/* c += a · block, in panels of 16 columns. */
static void multiply(row *c, row *a, size_t rows, const float *block)
{
    for (size_t r = 0; r < rows; r++) {
        const float *b = block;
        for (size_t panel = 0; panel < MODEL_WIDTH; panel += 16) {
            float sum[16] = {0};
            for (size_t k = 0; k < MODEL_WIDTH; k++, b += 16) {
                for (size_t j = 0; j < 16; j++)
                    sum[j] += a[r][k] * b[j];
            }
            for (size_t j = 0; j < 16; j++)
                c[r][panel + j] += sum[j];
        }
    }
}

static void soften(float *weights, size_t n)
{
    float most = weights[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = fmaxf(most, weights[i]);
    for (size_t i = 0; i < n; i++) {
        weights[i] = expf(weights[i] - most);
        sum += weights[i];
    }
    for (size_t i = 0; i < n; i++)
        weights[i] /= sum;
}

/* One query of one head against the n keys of its window. */
static void attend(struct scalar_scratch *s, size_t query, size_t first, size_t n,
                   size_t head)
{
    const float *q = &s->query[query][head];
    float *mixed = &s->mixed[query][head];
    for (size_t i = 0; i < n; i++) {
        float product = 0;
        for (size_t d = 0; d < MODEL_HEAD_WIDTH; d++)
            product += q[d] * s->key[first + i][head + d];
        s->weights[i] = product / sqrtf(MODEL_HEAD_WIDTH);
    }
    soften(s->weights, n);
    memset(mixed, 0, MODEL_HEAD_WIDTH * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < MODEL_HEAD_WIDTH; d++)
            mixed[d] += s->weights[i] * s->value[first + i][head + d];
    }
}

static void attend_all(struct scalar_scratch *s, const struct batch *b)
{
    for (size_t w = 0; w < b->windows; w++) {
        for (size_t head = 0; head < MODEL_WIDTH; head += MODEL_HEAD_WIDTH) {
            for (size_t i = 0; i < b->length[w]; i++)
                attend(s, b->first[w] + i, b->first[w], b->length[w], head);
        }
    }
}

static void gelu(row *x, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < MODEL_WIDTH; i++)
            x[r][i] = 0.5f * x[r][i] * (1 + erff(x[r][i] * (float)M_SQRT1_2));
    }
}

static void add_and_normalise(row *x, row *sum, size_t rows, const struct norm *norm)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < MODEL_WIDTH; i++)
            x[r][i] += sum[r][i];
        normalise(x[r], norm);
    }
}

static void encode_layer(const struct model *m, const struct batch *b, size_t layer,
                         row *x, struct scalar_scratch *s)
{
    const struct layer_vectors *v = &m->vectors->layers[layer];
    fill(s->query, b->rows, v->query);
    fill(s->key, b->rows, v->key);
    fill(s->value, b->rows, v->value);
    multiply(s->query, x, b->rows, model_fp32(m, layer, BLOCK_QUERY));
    multiply(s->key, x, b->rows, model_fp32(m, layer, BLOCK_KEY));
    multiply(s->value, x, b->rows, model_fp32(m, layer, BLOCK_VALUE));
    attend_all(s, b);
    fill(s->sum, b->rows, v->out);
    multiply(s->sum, s->mixed, b->rows, model_fp32(m, layer, BLOCK_OUT));
    add_and_normalise(x, s->sum, b->rows, &v->after_attention);

    fill(s->sum, b->rows, v->down);
    for (size_t i = 0; i < MODEL_SLICES; i++) {
        fill(s->mixed, b->rows, v->up + i * MODEL_WIDTH);
        multiply(s->mixed, x, b->rows, model_fp32(m, layer, BLOCK_UP + i));
        gelu(s->mixed, b->rows);
        multiply(s->sum, s->mixed, b->rows, model_fp32(m, layer, BLOCK_DOWN + i));
    }
    add_and_normalise(x, s->sum, b->rows, &v->after_feed_forward);
}

static void encode(const struct model *m, const struct batch *b, struct work *w)
{
    row *x = (row *)w->x;
    look_up(m, b, x);
    for (size_t layer = 0; layer < MODEL_LAYERS; layer++)
        encode_layer(m, b, layer, x, (struct scalar_scratch *)w->scratch);
}

const struct kernel_set kernels_scalar = {
    .name = "scalar",
    .path = EMBEDDING_SCALAR,
    .scratch_bytes = sizeof(struct scalar_scratch),
    .available = available,
    .encode = encode,
};
