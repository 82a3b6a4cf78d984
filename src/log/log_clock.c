/* SPDX-License-Identifier: Apache-2.0 */
#include "log_clock.h"

#include <string.h>
#include <sys/time.h>
#include <time.h>

/* RFC 3339 wants the colon that strftime leaves out. */
static void set_zone(struct log_clock *c, const struct tm *tm)
{
    char zone[8];
    strftime(zone, sizeof(zone), "%z", tm);
    memcpy(c->zone, zone, 3);
    c->zone[3] = ':';
    memcpy(c->zone + 4, zone + 3, 3);
}

const struct log_clock *log_clock_now(void)
{
    /* localtime_r takes a lock and reads a file's worth of rules: once a second. */
    static struct log_clock clock;
    static time_t last;
    struct timeval now;

    gettimeofday(&now, NULL);
    if (now.tv_sec != last) {
        struct tm tm;
        last = now.tv_sec;
        localtime_r(&last, &tm);
        strftime(clock.date, sizeof(clock.date), "%Y-%m-%d %H:%M:%S", &tm);
        set_zone(&clock, &tm);
    }
    clock.us = (int)now.tv_usec;
    return &clock;
}
