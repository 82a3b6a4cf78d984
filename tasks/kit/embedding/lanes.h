/* SPDX-License-Identifier: Apache-2.0 */
/* lanes - vectors of floats, as wide as the kernel set that includes this asks for
 * (LANES), and the functions of the network that work element by element.
 *
 * Written with the compilers' vector extensions, so the same lines become AVX2 or
 * AVX-512 with fused multiply-adds as the set's own flags allow. */
#ifndef KIT_LANES_H
#define KIT_LANES_H

#include "kernels.h"

#include <math.h>
#include <string.h>

#ifndef LANES
#error "define LANES: the floats in a vector"
#endif

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t lanes_int __attribute__((vector_size(LANES * sizeof(int32_t))));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes lanes_load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof(v));
    return v;
}

INLINE void lanes_store(float *p, lanes v)
{
    memcpy(p, &v, sizeof(v));
}

INLINE lanes lanes_of(float f)
{
    return f - (lanes){0};
}

INLINE lanes lanes_select(lanes_int mask, lanes yes, lanes no)
{
    return (lanes)(((lanes_int)yes & mask) | ((lanes_int)no & ~mask));
}

INLINE lanes lanes_max(lanes a, lanes b)
{
    return lanes_select(a > b, a, b);
}

INLINE float lanes_sum(lanes v)
{
    float sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += v[i];
    return sum;
}

INLINE float lanes_most(lanes v)
{
    float most = v[0];
    for (int i = 1; i < LANES; i++)
        most = v[i] > most ? v[i] : most;
    return most;
}

/* e^x for x <= 0, within 2e-7 of it relatively: 2^n times a polynomial on
 * ±ln(2)/2. What would be smaller than 2^-125 is that. */
INLINE lanes lanes_exp(lanes x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    x = lanes_max(x, lanes_of(-86.6f));
    lanes shifted = x * 1.44269504f + magic;
    lanes n = shifted - magic;
    lanes r = x - n * 0.693359375f + n * 2.12194440e-4f;
    lanes p = lanes_of(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    /* The low bits of `shifted` are n: added to the exponent they scale by 2^n. */
    return (lanes)((lanes_int)p + ((lanes_int)shifted << 23));
}

/* x·Φ(x) within 1.5e-6: erf(x/√2)/x is a polynomial in x² that a least-maximum fit on
 * |x| < 5 meets within 1e-7; beyond, Φ is 0 or 1. */
INLINE lanes lanes_gelu(lanes x)
{
    static const float fit[] = {
        2.827276247e-01f, -1.405935719e-01f, 1.030368792e-01f, -8.085412622e-02f,
        6.293991994e-02f, -4.680832369e-02f, 3.253744990e-02f, -2.132296053e-02f,
        1.339318499e-02f, -7.174890206e-03f, 2.885958085e-03f, -1.681490251e-03f,
        1.421018698e-03f, -5.067994931e-04f,
    };
    lanes square = x * x;
    lanes u = square * 0.08f - 1.0f;
    lanes p = lanes_of(fit[13]);
    for (int i = 12; i >= 0; i--)
        p = p * u + fit[i];
    lanes half = x * 0.5f;
    lanes inside = half * (x * p) + half;
    return lanes_select(square < lanes_of(25.0f), inside, lanes_max(x, (lanes){0}));
}

/* x becomes the layer norm of x + y, which may be x's own rows' sum already. */
INLINE void lanes_normalise(float *x, const float *y, const struct norm *norm)
{
    lanes sum = {0}, squares = {0};
    for (size_t i = 0; i < MODEL_WIDTH; i += LANES) {
        lanes v = lanes_load(x + i) + lanes_load(y + i);
        lanes_store(x + i, v);
        sum += v;
    }
    lanes mean = lanes_of(lanes_sum(sum) / MODEL_WIDTH);
    for (size_t i = 0; i < MODEL_WIDTH; i += LANES) {
        lanes v = lanes_load(x + i) - mean;
        squares += v * v;
    }
    float variance = lanes_sum(squares) / MODEL_WIDTH;
    lanes scale = lanes_of(1 / sqrtf(variance + MODEL_NORM_EPSILON));
    for (size_t i = 0; i < MODEL_WIDTH; i += LANES) {
        lanes v = (lanes_load(x + i) - mean) * scale;
        lanes_store(x + i,
                    v * lanes_load(norm->scale + i) + lanes_load(norm->shift + i));
    }
}

INLINE void lanes_look_up(const struct model *m, const struct batch *b, float *x)
{
    for (size_t w = 0; w < b->windows; w++) {
        for (size_t i = 0; i < b->length[w]; i++) {
            size_t r = b->first[w] + i;
            float *out = x + r * MODEL_WIDTH;
            memcpy(out, m->words + (size_t)b->ids[r] * MODEL_WIDTH,
                   MODEL_WIDTH * sizeof(float));
            lanes_normalise(out, m->positions + i * MODEL_WIDTH,
                            &m->vectors->embedding);
        }
    }
}

/* weights become their softmax over the first n; up to the next full vector they become
 * zero. The scores still want the scale of 1/√32. */
INLINE void lanes_soften(float *weights, size_t n)
{
    const float scale = 0.17677669529f;
    size_t full = (n + LANES - 1) / LANES * LANES;
    for (size_t i = n; i < full; i++)
        weights[i] = -INFINITY;
    lanes most = lanes_load(weights), sum = {0};
    for (size_t i = LANES; i < full; i += LANES)
        most = lanes_max(most, lanes_load(weights + i));
    most = lanes_of(lanes_most(most));
    for (size_t i = 0; i < full; i += LANES) {
        lanes e = lanes_exp((lanes_load(weights + i) - most) * scale);
        lanes_store(weights + i, e);
        sum += e;
    }
    for (size_t i = n; i < full; i++) { /* they held e^-86.6 */
        weights[i] = 0;
    }
    lanes inverse = lanes_of(1 / lanes_sum(sum));
    for (size_t i = 0; i < full; i += LANES)
        lanes_store(weights + i, lanes_load(weights + i) * inverse);
}

#endif
