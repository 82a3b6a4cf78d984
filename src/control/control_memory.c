/* SPDX-License-Identifier: Apache-2.0 */
/* What it holds of memory. */
#include "control.h"

#include "../../protocol/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- /proc --------------------------------------------------------------------- */

static uint64_t field_kb(const char *status, const char *name)
{
    const char *p = strstr(status, name);
    return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

static void add_process(struct control_memory *m, int pid)
{
    char path[64], status[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    status[n] = '\0';
    m->rss_kb += field_kb(status, "VmRSS:");
    m->peak_rss_kb += field_kb(status, "VmHWM:");
}

static void add_child(void *ctx, const struct pool_child *child)
{
    add_process(ctx, child->pid);
}

struct control_memory control_memory_now(const struct worker *w)
{
    struct control_memory m = {0};
    add_process(&m, getpid());
    if (w->pool)
        pool_each_child(w->pool, add_child, &m);
    return m;
}

/* ---- memsample, memdump -------------------------------------------------------- */

/* celery.utils.debug.humanbytes: "62.258MB", the parent alone as Celery's. */
static void format_rss(char out[32])
{
    static const char units[][3] = {"B", "KB", "MB", "GB", "TB"};
    struct control_memory m = {0};
    char digits[24];
    size_t unit = 1;
    add_process(&m, getpid());
    double v = (double)m.rss_kb;
    for (; v >= 1024 && unit < 4; unit++)
        v /= 1024;
    snprintf(digits, sizeof(digits), v == (double)(uint64_t)v ? "%.0f" : "%.5g", v);
    snprintf(out, 32, "%s%s", digits, units[unit]);
}

/* Samples are not kept: they are in the metrics, for those who want a history. */
static void memsample(struct control_call *c)
{
    char rss[32];
    format_rss(rss);
    json_write_str(c->reply, str_of(rss));
}

static void memdump(struct control_call *c)
{
    char rss[32], text[64];
    format_rss(rss);
    snprintf(text, sizeof(text), "- rss (end): %s.\n", rss);
    json_write_str(c->reply, str_of(text));
}

/* There are no Python objects to draw. */
static void objgraph(struct control_call *c)
{
    control_raise(c, "ImportError", "Requires the objgraph library");
}

const struct control_command control_memory_commands[] = {
    {.name = "memsample", .arguments = "*", .run = memsample},
    {.name = "memdump", .arguments = "[samples] *", .run = memdump},
    {.name = "objgraph", .arguments = "[num] [max_depth] [type]", .run = objgraph},
    {0},
};
