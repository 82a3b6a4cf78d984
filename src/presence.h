/* SPDX-License-Identifier: Apache-2.0 */
/* presence - what the world outside is told: does this worker take tasks?
 *
 * systemd hears it over the socket in NOTIFY_SOCKET (Type=notify, WatchdogSec=). The
 * file of --health-file is there while it is so, and touched every 5 s while the loop
 * turns: a probe looks whether it is there, and not older than half a minute. */
#ifndef PETIOLE_PRESENCE_H
#define PETIOLE_PRESENCE_H

#include <stdbool.h>
#include <uv.h>

struct presence {
    bool told;               /* what was said last: ready, or not */
    const char *status;      /* … and in words */
    bool ever;               /* READY=1 was sent */
    const char *health_file; /* NULL: none */
    uv_timer_t watchdog;     /* for systemd */
    uv_timer_t touch;        /* for the file */
};

void presence_start(struct presence *p, uv_loop_t *loop, const char *health_file);
/* Every turn of the loop; costs nothing while nothing changes. status: for people, from
 * static memory. */
void presence_update(struct presence *p, bool ready, const char *status);
/* "STOPPING=1", "RELOADING=1\n…": as sd_notify(3) has them. */
void presence_notify(const char *state);
/* The worker ends: the file goes. */
void presence_finish(struct presence *p);

#endif
