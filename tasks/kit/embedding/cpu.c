/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include <cpuid.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(n) (1u << (n))

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* XCR0: which register files the kernel saves. */
#define STATE_AVX (BIT(1) | BIT(2))
#define STATE_AVX512 (STATE_AVX | BIT(5) | BIT(6) | BIT(7))
#define STATE_TILES (BIT(17) | BIT(18))

struct leaf {
    unsigned a, b, c, d;
};

static struct leaf leaf(unsigned number)
{
    struct leaf l = {0};
    if (!__get_cpuid_count(number, 0, &l.a, &l.b, &l.c, &l.d))
        return (struct leaf){0};
    return l;
}

static bool kernel_saves(unsigned states)
{
    unsigned low = 0, high = 0;
    if (!(leaf(1).c & BIT(27))) /* OSXSAVE: xgetbv exists */
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & states) == states;
}

static bool has(unsigned bits, unsigned wanted)
{
    return (bits & wanted) == wanted;
}

bool cpu_has_avx2(void)
{
    return has(leaf(1).c, BIT(12) /* FMA */ | BIT(28) /* AVX */) &&
           has(leaf(7).b, BIT(5) /* AVX2 */) && kernel_saves(STATE_AVX);
}

bool cpu_has_avx512(void)
{
    return cpu_has_avx2() &&
           has(leaf(7).b, BIT(16) /* F */ | BIT(17) /* DQ */ | BIT(30) /* BW */ |
                              BIT(31) /* VL */) &&
           kernel_saves(STATE_AVX512);
}

bool cpu_has_amx(void)
{
    return cpu_has_avx512() &&
           has(leaf(7).d, BIT(22) /* AMX-BF16 */ | BIT(24) /* AMX-TILE */) &&
           kernel_saves(STATE_TILES);
}

int cpu_ask_for_tiles(void)
{
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
        return -errno;
    return 0;
}
