/* SPDX-License-Identifier: Apache-2.0 */
#include "presence.h"

#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TOUCH_MS 5000

/* ---- systemd ------------------------------------------------------------------ */

void presence_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(to.sun_path) || !strchr("/@", *path))
        return;
    memcpy(to.sun_path, path, n);
    if (*path == '@') /* in the abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) <
        0)
        log_line(LOG_DEBUG, "cannot notify %s: %s", path, strerror(errno));
    close(fd);
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    presence_notify("WATCHDOG=1");
}

/* Twice as often as systemd expects it, if it expects it from this process. */
static void start_watchdog(struct presence *p)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    unsigned long long us = usec ? strtoull(usec, NULL, 10) : 0;
    if (us < 2000 || (pid && atol(pid) != (long)getpid()))
        return;
    uv_timer_start(&p->watchdog, on_watchdog, 0, us / 2000);
    uv_unref((uv_handle_t *)&p->watchdog);
}

/* ---- the file ----------------------------------------------------------------- */

static void make_file(struct presence *p)
{
    int fd = open(p->health_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  0644);
    if (fd < 0 || dprintf(fd, "ready %d\n", (int)getpid()) < 0)
        log_line(LOG_ERROR, "cannot write the health file %s: %s", p->health_file,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void remove_file(struct presence *p)
{
    if (unlink(p->health_file) < 0 && errno != ENOENT)
        log_line(LOG_ERROR, "cannot remove the health file %s: %s", p->health_file,
                 strerror(errno));
}

static void on_touch(uv_timer_t *timer)
{
    struct presence *p = timer->data;
    if (p->told && utimensat(AT_FDCWD, p->health_file, NULL, 0) < 0)
        make_file(p); /* somebody removed it */
}

/* ---- both --------------------------------------------------------------------- */

void presence_start(struct presence *p, uv_loop_t *loop, const char *health_file)
{
    *p = (struct presence){.health_file = health_file};
    uv_timer_init(loop, &p->watchdog);
    uv_timer_init(loop, &p->touch);
    p->touch.data = p;
    start_watchdog(p);
    if (!health_file)
        return;
    remove_file(p); /* of one that was killed */
    uv_timer_start(&p->touch, on_touch, TOUCH_MS, TOUCH_MS);
    uv_unref((uv_handle_t *)&p->touch);
}

static void tell_status(struct presence *p, const char *status)
{
    char text[200];
    p->status = status;
    snprintf(text, sizeof(text), "STATUS=%s", status);
    presence_notify(text);
}

static void tell_ready(struct presence *p, bool ready)
{
    p->told = ready;
    if (ready && !p->ever)
        presence_notify("READY=1");
    p->ever |= ready;
    if (p->health_file && ready)
        make_file(p);
    else if (p->health_file)
        remove_file(p);
}

void presence_update(struct presence *p, bool ready, const char *status)
{
    if (status != p->status)
        tell_status(p, status);
    if (ready != p->told)
        tell_ready(p, ready);
}

void presence_finish(struct presence *p)
{
    presence_update(p, false, "gone");
    uv_timer_stop(&p->watchdog);
    uv_timer_stop(&p->touch);
}
