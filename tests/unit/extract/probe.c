/* SPDX-License-Identifier: Apache-2.0 */
/* probe - stands in for petiole-extract in the tests, behind the very same sandbox.
 *
 * The document is an order: what a hostile document might make its converter do. What
 * was tried is reported on stdout, one line "name: allowed" or "name: errno" each. */
#include "../../../tasks/kit/extract/helper.h"
#include "../../../tasks/kit/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void report(const char *name, long result)
{
    printf("%s: %s\n", name, result >= 0 ? "allowed" : strerrorname_np(errno));
}

static void try_network(void)
{
    int pair[2];

    report("socket inet", socket(AF_INET, SOCK_STREAM, 0));
    report("socket inet6", socket(AF_INET6, SOCK_DGRAM, 0));
    report("socket unix", socket(AF_UNIX, SOCK_STREAM, 0));
    report("socket netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    report("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

/* No path here exists: an attempt that gets through does no harm, and says ENOENT. */
static void try_writing(void)
{
    report("create", open("/nowhere/petiole", O_CREAT | O_WRONLY, 0600));
    report("create for reading", open("/nowhere/petiole", O_CREAT | O_RDONLY, 0600));
    report("open for writing", open("/nowhere/petiole", O_WRONLY));
    report("open to truncate", open("/nowhere/petiole", O_RDONLY | O_TRUNC));
    report("temporary file", open("/nowhere", O_TMPFILE | O_RDWR, 0600));
    report("truncate", truncate("/nowhere/petiole", 0));
    report("unlink", unlink("/nowhere/petiole"));
    report("mkdir", mkdir("/nowhere/petiole", 0700));
    report("rename", rename("/nowhere/petiole", "/nowhere/else"));
    report("symlink", symlink("/", "/nowhere/petiole"));
    report("chmod", chmod("/nowhere/petiole", 0777));
    report("memfd", memfd_create("x", 0));
}

static void try_reading(void)
{
    static const char *const paths[] = {"/etc/shadow", "/etc/passwd",
                                        "/root",       "/home",
                                        "/tmp",        "/proc/self/status",
                                        "/",           "/usr/share"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int fd = open(paths[i], O_RDONLY);
        report(paths[i], fd);
        close(fd);
    }
}

static void try_processes(void)
{
    const char *const sh[] = {"sh", "-c", "echo escaped", NULL};

    report("fork", fork());
    report("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    report("clone3", syscall(SYS_clone3, NULL, 0));
    report("kill parent", kill(getppid(), 0));
    report("kill all", kill(-1, 0));
    report("tgkill parent", syscall(SYS_tgkill, getppid(), getppid(), 0));
    report("setsid", setsid());
    report("exec sh", execve("/bin/sh", (char *const *)sh, NULL));
}

static void try_privileges(void)
{
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    report("write and execute", page == MAP_FAILED ? -1 : 0);
    report("setuid", setuid(0));
    report("setrlimit", setrlimit(RLIMIT_AS, &most));
    report("prctl", syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0));
    report("tty injection", syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x"));
    report("dup2", dup2(0, 9));
}

static void show_inheritance(void)
{
    extern char **environ;

    printf("environment: %s\n", environ && *environ ? *environ : "empty");
    printf("descriptors:");
    for (int fd = 0; fd < 2048; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    printf("\nuser: %s\n", getuid() ? "not root" : "root");
    printf("stdin is %s\n",
           (fcntl(0, F_GETFL) & O_ACCMODE) == O_RDONLY ? "read-only" : "writable");
}

/* The attempts that end the process; what is printed means that they did not. */
static long try_forbidden(const char *call)
{
    if (strcmp(call, "ptrace") == 0)
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    if (strcmp(call, "mount") == 0)
        return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL);
    if (strcmp(call, "unshare") == 0)
        return syscall(SYS_unshare, CLONE_NEWUSER);
    if (strcmp(call, "setns") == 0)
        return syscall(SYS_setns, 0, 0);
    if (strcmp(call, "bpf") == 0)
        return syscall(SYS_bpf, 0, NULL, 0);
    if (strcmp(call, "io_uring") == 0)
        return syscall(SYS_io_uring_setup, 1, NULL);
    if (strcmp(call, "userfaultfd") == 0)
        return syscall(SYS_userfaultfd, 0);
    if (strcmp(call, "perf_event_open") == 0)
        return syscall(SYS_perf_event_open, NULL, 0, 0, -1, 0);
    if (strcmp(call, "process_vm_readv") == 0)
        return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
    if (strcmp(call, "keyctl") == 0)
        return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
    if (strcmp(call, "init_module") == 0)
        return syscall(SYS_init_module, NULL, 0, NULL);
    return -2;
}

static void stay(void)
{
    struct timespec hour = {.tv_sec = 3600};

    for (;;)
        nanosleep(&hour, NULL);
}

static void fill_memory(void)
{
    for (size_t size = 16u << 20;;) {
        char *volatile more = malloc(size); /* volatile: else it is optimised away */
        if (!more)
            abort(); /* as a C++ program does for std::bad_alloc */
        memset(more, 1, size);
    }
}

static void flood(int fd)
{
    static char text[4096];

    memset(text, 'x', sizeof text);
    while (write(fd, text, sizeof text) > 0)
        continue;
}

static int obey(const char *order)
{
    volatile unsigned spins = 0;

    if (strcmp(order, "attempts") == 0) {
        try_network();
        try_writing();
        try_reading();
        try_privileges();
        show_inheritance();
        try_processes();
    } else if (strcmp(order, "sleep") == 0) {
        stay();
    } else if (strcmp(order, "close and sleep") == 0) {
        close(1);
        close(2);
        stay();
    } else if (strcmp(order, "spin") == 0) {
        for (;;)
            spins++;
    } else if (strcmp(order, "fill memory") == 0) {
        fill_memory();
    } else if (strcmp(order, "flood") == 0) {
        flood(1);
    } else if (strcmp(order, "complain") == 0) {
        for (int i = 0; i < 200000; i++)
            fprintf(stderr, "\x1b[31mError\a number %d\xff\n", i);
        return 1;
    } else if (strcmp(order, "lie") == 0) {
        (void)!write(1, "good\0 \xed\xa0\x80 \xff text", 16);
    } else if (strcmp(order, "exit strangely") == 0) {
        return 200;
    } else {
        report(order, try_forbidden(order));
    }
    return 0;
}

int main(int argc, char **argv)
{
    char order[64] = "", why[160];
    bool is_pdf = argc > 1 && strcmp(argv[1], HELPER_FORMAT_PDF) == 0;
    struct sandbox s = {.program = is_pdf ? "/usr/bin/pdftotext" : NULL};

    if (argc != 5)
        return HELPER_WRONG_USE;
    s.memory_bytes = strtoull(argv[2], NULL, 10);
    s.cpu_s = (uint32_t)strtoul(argv[3], NULL, 10);
    s.parent = (pid_t)strtol(argv[4], NULL, 10);
    if (sandbox_enter(&s, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return HELPER_NO_SANDBOX;
    }
    if (pread(0, order, sizeof order - 1, 0) < 0)
        return HELPER_UNREADABLE;
    return obey(order);
}
