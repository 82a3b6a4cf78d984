/* SPDX-License-Identifier: Apache-2.0 */
/* tiles_emulated - what tiles.h asks of a CPU with AMX, in C, so that the amx kernels
 * are proved on any machine. Follows Intel's description of TDPBF16PS: products and
 * sums in fp32, denormals read and written as zero, the even and the odd elements of a
 * row summed apart and added to the destination at the end. */
#ifndef TILES_EMULATED_H
#define TILES_EMULATED_H

#include "bf16.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TILES_KERNELS kernels_amx_emulated
#define TILES_NAME "amx-emulated"

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILES = 8 };

static struct {
    bool configured;
    unsigned char tile[TILES][TILE_ROWS][TILE_BYTES];
} tiles;

static inline bool tiles_available(char *why, size_t why_size)
{
    (void)why, (void)why_size;
    return true;
}

/* Using a tile outside of begin and end is an illegal instruction. */
static inline void tiles_require(void)
{
    if (!tiles.configured)
        __builtin_trap();
}

static inline void tile_begin(void)
{
    memset(&tiles, 0, sizeof(tiles));
    tiles.configured = true;
}

static inline void tile_end(void)
{
    tiles.configured = false;
}

static inline void tile_fence(void)
{
}

static inline void tile_zero(int t)
{
    tiles_require();
    memset(tiles.tile[t], 0, sizeof(tiles.tile[t]));
}

static inline void tile_load(int t, const void *from, size_t stride_bytes)
{
    tiles_require();
    for (size_t r = 0; r < TILE_ROWS; r++)
        memcpy(tiles.tile[t][r], (const char *)from + r * stride_bytes, TILE_BYTES);
}

static inline void tile_store(int t, void *to, size_t stride_bytes)
{
    tiles_require();
    for (size_t r = 0; r < TILE_ROWS; r++)
        memcpy((char *)to + r * stride_bytes, tiles.tile[t][r], TILE_BYTES);
}

static inline float tile_flush(float f)
{
    /* By its bits, which a compiler turns into vector code; no comparison would be. */
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    bits = (bits & 0x7f800000) != 0 ? bits : 0;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

/* The even or the odd elements of a tile, as floats: [row][pair]. */
static inline void tile_half(float half[16][16], int t, size_t parity)
{
    uint16_t pairs[16][32];
    memcpy(pairs, tiles.tile[t], sizeof(pairs));
    for (size_t r = 0; r < 16; r++) {
        for (size_t i = 0; i < 16; i++)
            half[r][i] = tile_flush(bf16_value(pairs[r][2 * i + parity]));
    }
}

/* Of bf16, the product is exact, so that this is the fused one. */
static inline void tile_sum_half(float sums[16][16], int a, int b, size_t parity)
{
    float left[16][16], right[16][16];
    tile_half(left, a, parity);
    tile_half(right, b, parity);
    for (size_t m = 0; m < 16; m++) {
        for (size_t k = 0; k < 16; k++) {
            for (size_t n = 0; n < 16; n++)
                sums[m][n] = tile_flush(sums[m][n] + left[m][k] * right[k][n]);
        }
    }
}

static inline void tile_multiply(int c, int a, int b)
{
    float sums[16][16], even[16][16] = {{0}}, odd[16][16] = {{0}};
    tiles_require();
    tile_sum_half(even, a, b, 0);
    tile_sum_half(odd, a, b, 1);
    memcpy(sums, tiles.tile[c], sizeof(sums));
    for (size_t m = 0; m < 16; m++) {
        for (size_t n = 0; n < 16; n++)
            sums[m][n] =
                tile_flush(tile_flush(sums[m][n]) + tile_flush(even[m][n] + odd[m][n]));
    }
    memcpy(tiles.tile[c], sums, sizeof(sums));
}

#endif
