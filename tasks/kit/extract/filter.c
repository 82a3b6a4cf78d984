/* SPDX-License-Identifier: Apache-2.0 */
/* filter - the system calls a process that reads a document may make.
 *
 * A list of what is allowed; the rest does not exist (ENOSYS), which is what the C
 * library is prepared for when it tries a newer call before an older one. There is no
 * socket in it, no fork, no signal to others, no file opened for writing. Calls that
 * no converter has a reason to make end the process, so that the attempt is seen. */
#include "sandbox.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

static const int for_all[] = {
    SCMP_SYS(read),           SCMP_SYS(pread64),      SCMP_SYS(readv),
    SCMP_SYS(write),          SCMP_SYS(writev),       SCMP_SYS(close),
    SCMP_SYS(fstat),          SCMP_SYS(lseek),        SCMP_SYS(munmap),
    SCMP_SYS(mremap),         SCMP_SYS(madvise),      SCMP_SYS(brk),
    SCMP_SYS(futex),          SCMP_SYS(getrandom),    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday), SCMP_SYS(getpid),
    SCMP_SYS(gettid),         SCMP_SYS(exit),         SCMP_SYS(exit_group),
};

/* What a dynamically linked program needs to start, and to read its data files. */
static const int for_programs[] = {
    SCMP_SYS(execve),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getppid),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(fadvise64),
    SCMP_SYS(riscv_flush_icache),
};

static const int forbidden[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(quotactl),
    SCMP_SYS(acct),
};

static int add_each(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
    int failed = 0;

    for (size_t i = 0; i < n && !failed; i++)
        failed = seccomp_rule_add(f, action, calls[i], 0);
    return failed;
}

#define ADD_EACH(f, action, calls)                                                     \
    add_each(f, action, calls, sizeof(calls) / sizeof((calls)[0]))

static int allow_if(scmp_filter_ctx f, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &condition);
}

/* Memory may be written or executed, not both. */
static int allow_memory(scmp_filter_ctx f, int call)
{
    const uint64_t both = PROT_WRITE | PROT_EXEC;
    int failed = allow_if(f, call, SCMP_A2(SCMP_CMP_MASKED_EQ, both, 0));

    failed = failed ? failed
                    : allow_if(f, call, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_WRITE));
    return failed ? failed
                  : allow_if(f, call, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
}

static int allow_reading_files(scmp_filter_ctx f)
{
    const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
    int failed = allow_if(f, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));

    return failed ? failed
                  : allow_if(f, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
}

/* Calls that read or set, by an argument: only the reading ones; and abort(), which
 * signals its own process. */
static int allow_harmless_uses(scmp_filter_ctx f)
{
    const struct {
        int call;
        struct scmp_arg_cmp condition;
    } uses[] = {
        {SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0)},
        {SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFD, 0)},
        {SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFD, 0)},
        {SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS, 0)},
        {SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0)},
        {SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]) && !failed; i++)
        failed = allow_if(f, uses[i].call, uses[i].condition);
    return failed;
}

static int add_rules(scmp_filter_ctx f, bool runs_program)
{
    int failed = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

    failed = failed ? failed : seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    failed = failed ? failed : ADD_EACH(f, SCMP_ACT_KILL_PROCESS, forbidden);
    failed = failed ? failed : ADD_EACH(f, SCMP_ACT_ALLOW, for_all);
    failed = failed ? failed : allow_memory(f, SCMP_SYS(mmap));
    failed = failed ? failed : allow_memory(f, SCMP_SYS(mprotect));
    failed = failed ? failed : allow_harmless_uses(f);
    if (failed || !runs_program)
        return failed;
    failed = ADD_EACH(f, SCMP_ACT_ALLOW, for_programs);
    return failed ? failed : allow_reading_files(f);
}

int filter_install(const struct sandbox *s)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int failed;

    if (!f) {
        errno = ENOMEM;
        return -1;
    }
    failed = add_rules(f, s->program != NULL);
    failed = failed ? failed : seccomp_load(f);
    seccomp_release(f);
    errno = -failed;
    return failed ? -1 : 0;
}
