/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534
#define OPEN_FILES 32

static int refuse(char *why, size_t size, const char *what)
{
    snprintf(why, size, "could not set up the sandbox: %s: %s", what, strerror(errno));
    return -1;
}

static struct __user_cap_header_struct capability_header(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

static bool has_capabilities(uint32_t wanted)
{
    struct __user_cap_header_struct header = capability_header();
    struct __user_cap_data_struct data[2] = {0};

    return syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective & wanted) == wanted;
}

/* root owns too much to read hostile files as root, even with its capabilities gone.
 * Without CAP_KILL, though, the parent could no longer end what runs too long. Where
 * user 65534 is not mapped (a user namespace), the process stays who it is. */
static void become_nobody(void)
{
    uint32_t needed = 1u << CAP_KILL | 1u << CAP_SETUID | 1u << CAP_SETGID;

    if (geteuid() != 0 || !has_capabilities(needed))
        return;
    bool became = setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                  setresuid(NOBODY, NOBODY, NOBODY) == 0;
    (void)became;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = capability_header();
    struct __user_cap_data_struct none[2] = {0};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    return (int)syscall(SYS_capset, &header, none);
}

/* Comes after the change of user, which clears the setting. */
static int die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L) != 0)
        return -1;
    if (getppid() != parent) {
        errno = ESRCH; /* it died before the call above */
        return -1;
    }
    return 0;
}

static int limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit now, wanted = {.rlim_cur = soft, .rlim_max = hard};

    if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
        return -1;
    if (wanted.rlim_max > now.rlim_max) /* a stricter one is in force already */
        wanted.rlim_max = now.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &wanted);
}

/* FSIZE leaves pipes alone. NPROC counts per user and does not bind root: what keeps
 * this process from multiplying is the filter, which has no fork in it. */
static int limit_resources(const struct sandbox *s)
{
    const struct {
        int resource;
        uint64_t soft, hard;
    } limits[] = {
        {RLIMIT_AS, s->memory_bytes, s->memory_bytes},
        {RLIMIT_CPU, s->cpu_s, (uint64_t)s->cpu_s + 1},
        {RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES},
        {RLIMIT_FSIZE, 0, 0},
        {RLIMIT_CORE, 0, 0},
        {RLIMIT_NPROC, 0, 0},
        {RLIMIT_MEMLOCK, 0, 0},
        {RLIMIT_MSGQUEUE, 0, 0},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limit(limits[i].resource, limits[i].soft, limits[i].hard) != 0)
            return -1;
    return 0;
}

/* close_range(2) may be missing or forbidden; then the limit of descriptors, which is
 * finite, says how far to go. */
static void close_the_rest(void)
{
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
        return;
    for (int fd = 3, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++)
        close(fd);
}

int sandbox_enter(const struct sandbox *s, char *why, size_t why_size)
{
    close_the_rest();
    if (clearenv() != 0)
        return refuse(why, why_size, "emptying the environment");
    become_nobody();
    if (drop_capabilities() != 0)
        return refuse(why, why_size, "dropping capabilities");
    if (die_with_parent(s->parent) != 0)
        return refuse(why, why_size, "PR_SET_PDEATHSIG");
    if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        return refuse(why, why_size, "PR_SET_DUMPABLE");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
        return refuse(why, why_size, "PR_SET_NO_NEW_PRIVS");
    if (limit_resources(s) != 0)
        return refuse(why, why_size, "resource limits");
    if (landlock_enter(s) != 0)
        return refuse(why, why_size, "Landlock");
    if (filter_install(s) != 0)
        return refuse(why, why_size, "seccomp");
    return 0;
}
