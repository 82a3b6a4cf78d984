/* SPDX-License-Identifier: Apache-2.0 */
/* tiles - the few AMX operations that the amx kernels stand on. Eight tiles, each 16
 * rows of 64 bytes: 16 floats or 32 bf16.
 *
 * The compiler does not know that tile_load reads memory (gcc 12), so what C code wrote
 * must be behind a tile_fence before a tile loads it. Tests replace this header by one
 * that does the same in C. */
#ifndef KIT_TILES_H
#define KIT_TILES_H

#include "cpu.h"

#include <errno.h>
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TILES_KERNELS kernels_amx /* the set that stands on them */
#define TILES_NAME "amx"

/* c += a · b for 16x32 a and b in pairs of rows: see model.h. Tile numbers are
 * constants. */
#define tile_multiply(c, a, b) _tile_dpbf16ps(c, a, b)
#define tile_load(t, from, stride_bytes) _tile_loadd(t, from, stride_bytes)
#define tile_store(t, to, stride_bytes) _tile_stored(t, to, stride_bytes)
#define tile_zero(t) _tile_zero(t)
#define tile_fence() __asm__ volatile("" ::: "memory")

static inline void tile_begin(void)
{
    /* Constant, since gcc 12 does not know either that this is read whole. */
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&config);
}

static inline bool tiles_available(char *why, size_t why_size)
{
    if (!cpu_has_amx()) {
        snprintf(why, why_size, "this CPU lacks AMX with bf16");
        return false;
    }
    int r = cpu_ask_for_tiles();
    if (r < 0)
        snprintf(why, why_size, "the kernel does not let this process use AMX: %s",
                 r == -ENOSPC ? "a signal stack smaller than sysconf(_SC_MINSIGSTKSZ) "
                                "is installed"
                              : strerror(-r));
    return r == 0;
}

/* Tiles in use make every context switch 8 KiB dearer: never keep them. */
static inline void tile_end(void)
{
    _tile_release();
}

#endif
