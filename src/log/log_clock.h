/* SPDX-License-Identifier: Apache-2.0 */
/* log_clock - the time of a line, in local time as Python logs. */
#ifndef PETIOLE_LOG_CLOCK_H
#define PETIOLE_LOG_CLOCK_H

struct log_clock {
    char date[32]; /* "2026-11-22 14:23:26" */
    char zone[8];  /* "+01:00" */
    int us;
};

/* Good until the next call. */
const struct log_clock *log_clock_now(void);

#endif
