/* SPDX-License-Identifier: Apache-2.0 */
/* hold_to_avx2 - preloaded into a program, hides AVX-512 and AMX from it.
 *
 * ONNX Runtime picks its kernels by CPUID and has no switch for it. Linux lets a
 * process make CPUID fault (on CPUs with "cpuid_fault" in /proc/cpuinfo); the fault is
 * answered here with the real leaf less those bits. Where that cannot be had, says so
 * on stderr and changes nothing. */
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012 };

#define BIT(n) (1u << (n))
/* Leaf 7: all that widens beyond AVX2. */
#define AVX512_B                                                                       \
    (BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
#define AVX512_C (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
#define AVX512_D (BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25))

static void allow_cpuid(int yes)
{
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, yes);
}

static void answer(greg_t *regs)
{
    unsigned leaf = (unsigned)regs[REG_RAX], sub = (unsigned)regs[REG_RCX];
    unsigned a, b, c, d;
    allow_cpuid(1);
    __cpuid_count(leaf, sub, a, b, c, d);
    allow_cpuid(0);
    if (leaf == 7 && sub == 0) {
        b &= ~AVX512_B;
        c &= ~AVX512_C;
        d &= ~AVX512_D;
    } else if (leaf == 7 && sub == 1) {
        a &= ~(BIT(4) | BIT(5) | BIT(21)); /* VNNI in VEX, bf16 and fp16 */
    }
    regs[REG_RAX] = a;
    regs[REG_RBX] = b;
    regs[REG_RCX] = c;
    regs[REG_RDX] = d;
    regs[REG_RIP] += 2;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)info;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)regs[REG_RIP];
    if (at[0] == 0x0f && at[1] == 0xa2)
        answer(regs);
    else
        signal(sig, SIG_DFL); /* a real one: happens again, and ends the program */
}

__attribute__((constructor)) static void hold(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) != 0)
        fprintf(stderr, "hold_to_avx2: this CPU or kernel cannot hide features\n");
}
