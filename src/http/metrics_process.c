/* SPDX-License-Identifier: Apache-2.0 */
/* process_*: what prometheus_client tells of a process, of the worker's parent. */
#include "metrics_parts.h"

#include "../worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Pages in all, and of them in memory. */
static bool read_statm(const char *path, size_t *all, size_t *resident)
{
    char text[128] = "", *end = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    *all = strtoul(text, &end, 10);
    *resident = strtoul(end, NULL, 10);
    return true;
}

static size_t page_bytes(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

size_t metrics_resident_bytes(int pid)
{
    char path[64];
    size_t all, resident;
    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    return read_statm(path, &all, &resident) ? resident * page_bytes() : 0;
}

static size_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* `.`, `..` and the one that reads them */
}

static void put(struct wr *out, const char *name, const char *type, const char *help,
                double v)
{
    metrics_put_head(out, name, type, help);
    metrics_put(out, name, (struct str){NULL, 0}, v);
}

void metrics_put_process(struct wr *out, const struct worker *w)
{
    struct rusage r = {0};
    struct rlimit files = {0, 0};
    size_t all, resident;
    getrusage(RUSAGE_SELF, &r);
    put(out, "process_cpu_seconds_total", "counter",
        "User and system CPU time of the parent, in seconds.",
        (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
            (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6);
    if (read_statm("/proc/self/statm", &all, &resident)) {
        put(out, "process_virtual_memory_bytes", "gauge", "Its address space.",
            (double)all * (double)page_bytes());
        put(out, "process_resident_memory_bytes", "gauge", "Its resident memory.",
            (double)resident * (double)page_bytes());
    }
    put(out, "process_open_fds", "gauge", "Its open descriptors.",
        (double)open_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        put(out, "process_max_fds", "gauge", "How many it may have.",
            (double)files.rlim_cur);
    put(out, "process_start_time_seconds", "gauge",
        "When the worker started, in seconds since 1970.", (double)w->started_us / 1e6);
}
