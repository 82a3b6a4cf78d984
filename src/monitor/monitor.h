/* SPDX-License-Identifier: Apache-2.0 */
/* monitor - the view of `petiole events`: workers above, tasks below, a line of keys.
 *
 *     monitor.c   its life: draws now and then, reads keys, gives the terminal back
 *     view.c      the screen
 *     keys.c      what keys do
 *     act.c       requests to workers, and their replies
 *     page.c      one task's details, on a page of its own
 *     seen.h      what the events told
 *     screen.h    the terminal */
#ifndef PETIOLE_MONITOR_H
#define PETIOLE_MONITOR_H

#include "../bus/bus.h"
#include "screen.h"
#include "seen.h"

#define MONITOR_UUID_MAX 128
#define MONITOR_PAGE_BYTES ((size_t)256 << 10)

struct monitor_page { /* text instead of the lists; any key leads back */
    bool open;
    char title[MONITOR_UUID_MAX + 64];
    struct wr text;
    int top, nlines; /* the first line that is shown; how many there were */
};

struct monitor {
    uv_loop_t *loop;
    struct bus *bus;
    struct seen seen;
    struct screen screen;
    char selected[MONITOR_UUID_MAX]; /* a task's uuid; what is selected may be gone */
    size_t nselected;
    int top; /* the first task that is shown, by its place */
    struct monitor_page page;
    bool prompts; /* for a rate limit */
    char typed[32];
    size_t ntyped;
    char note[256];    /* instead of the keys, until one is pressed */
    char failure[256]; /* why nothing is heard; empty: all is well */
    bool asking;       /* a request's replies are waited for */
    unsigned nreplies;
    bool quits;
    uv_timer_t ticks;
    uv_poll_t input;
    uv_signal_t signals[5];
    bool dirty; /* there is something new to draw */
};

/* Takes the terminal. False after saying why not. *m is zeroed; its bus may come later.
 */
bool monitor_start(struct monitor *m, uv_loop_t *loop, bool colors);
/* Gives it back; its handles are closing. */
void monitor_stop(struct monitor *m);
void monitor_finish(struct monitor *m);
void monitor_heard(struct monitor *m, const struct bus_message *message);

/* Between its files. */
double monitor_now_s(const struct monitor *m);
void monitor_draw(struct monitor *m);
/* What was typed, as the terminal sends it. */
void monitor_keys(struct monitor *m, struct str typed);
struct seen_task *monitor_selected(const struct monitor *m);
void monitor_select(struct monitor *m, const struct seen_task *t);
void monitor_revoke(struct monitor *m, const struct seen_task *t);
void monitor_limit(struct monitor *m, const struct seen_task *t);
void monitor_enable(struct monitor *m);
/* Opens an empty page. */
struct wr *monitor_page(struct monitor *m, const char *what, const struct seen_task *t);
void monitor_show_info(struct monitor *m, const struct seen_task *t);
void monitor_show_result(struct monitor *m, const struct seen_task *t);
void monitor_show_traceback(struct monitor *m, const struct seen_task *t);
void monitor_note(struct monitor *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "3.25s", "1h02m": at most 8 columns. */
void monitor_duration(char out[16], double s);

#endif
