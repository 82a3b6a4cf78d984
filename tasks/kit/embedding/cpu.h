/* SPDX-License-Identifier: Apache-2.0 */
/* cpu - what this CPU can do and what the kernel lets a process use of it. */
#ifndef KIT_CPU_H
#define KIT_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* AVX2 and FMA. */
bool cpu_has_avx2(void);
/* AVX-512 (F, BW, DQ, VL) with its registers saved by the kernel. */
bool cpu_has_avx512(void);
/* AMX tiles and their bf16 product, with AVX-512 as every such CPU has it. */
bool cpu_has_amx(void);
/* Asks the kernel to let this process use tiles: 0 or -errno. The grant lasts over fork
 * and is lost by exec. It is refused (-ENOSPC) while a signal stack smaller than
 * sysconf(_SC_MINSIGSTKSZ) is installed, and afterwards such stacks are refused. */
int cpu_ask_for_tiles(void);

#endif
