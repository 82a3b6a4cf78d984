/* SPDX-License-Identifier: Apache-2.0 */
/* The screen, from one column to a thousand: what there is no room for is left out. */
#include "monitor.h"
#include "text.h"

#include <stdio.h>
#include <time.h>

#define STATE_COLUMNS 8
#define TIME_COLUMNS 8
#define SHORT_UUID 8
#define LONG_UUID 36

void monitor_duration(char out[16], double s)
{
    unsigned whole = s < 1e9 ? s >= 0 ? (unsigned)s : 0 : 1000000000u;
    if (s < 0)
        out[0] = '\0';
    else if (s < 100)
        snprintf(out, 16, "%.*fs", s < 10 ? 2 : 1, s);
    else if (s < 3600)
        snprintf(out, 16, "%um%02us", whole / 60, whole % 60);
    else if (s < 86400)
        snprintf(out, 16, "%uh%02um", whole / 3600, whole / 60 % 60);
    else
        snprintf(out, 16, "%ud%02uh", whole / 86400, whole / 3600 % 24);
}

static void put_text(struct wr *w, const char *text, int columns)
{
    text_field(w, str_of(text), columns);
}

static void put_clock(char out[16], double at_s)
{
    time_t t = (time_t)at_s;
    struct tm tm;
    out[0] = '\0';
    if (at_s > 0 && at_s < 1e11 && localtime_r(&t, &tm))
        strftime(out, 16, "%H:%M:%S", &tm);
}

/* ---- the head -----------------------------------------------------------------------
 */

static size_t count_online(const struct monitor *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->seen.nworkers; i++)
        n += seen_is_online(&m->seen.workers[i], monitor_now_s(m));
    return n;
}

static void draw_head(struct monitor *m)
{
    char text[200];
    struct screen *s = &m->screen;
    struct wr *w = screen_line(s);
    if (s->columns < 60)
        snprintf(text, sizeof(text), "%zu/%zu workers %zu running", count_online(m),
                 m->seen.nworkers, m->seen.nrunning);
    else
        snprintf(text, sizeof(text),
                 "petiole events: %llu events, workers online %zu/%zu, tasks %zu, "
                 "running %zu",
                 (unsigned long long)m->seen.events, count_online(m), m->seen.nworkers,
                 m->seen.ntasks, m->seen.nrunning);
    screen_style(s, w, "1");
    put_text(w, text, s->columns);
}

/* ---- workers ------------------------------------------------------------------------
 */

struct worker_columns {
    int name, state, active, processed, load, software; /* 0: not shown */
};

static struct worker_columns worker_columns(int columns)
{
    struct worker_columns c = {.state = columns < 16 ? 0 : 7};
    c.active = columns >= 40 ? 6 : 0;
    c.processed = columns >= 50 ? 10 : 0;
    c.load = columns >= 70 ? 17 : 0;
    c.software = columns >= 100 ? 18 : 0;
    c.name = columns - c.state - c.active - c.processed - c.load - c.software;
    c.name -= (c.state > 0) + (c.active > 0) + (c.processed > 0) + (c.load > 0) +
              (c.software > 0);
    return c;
}

static void put_worker(struct wr *w, const struct worker_columns *c,
                       const char *const texts[6])
{
    const int widths[] = {c->name,      c->state, c->active,
                          c->processed, c->load,  c->software};
    for (size_t i = 0; i < 6; i++) {
        if (!widths[i])
            continue;
        if (i)
            wr_text(w, " ");
        int pad = i == 2 || i == 3 ? widths[i] - (int)strlen(texts[i]) : 0;
        wr_printf(w, "%*s", pad > 0 ? pad : 0, "");
        put_text(w, texts[i], widths[i] - (pad > 0 ? pad : 0));
    }
}

static void draw_worker(struct monitor *m, const struct seen_worker *worker)
{
    char active[24] = "", processed[24] = "", load[64];
    struct screen *s = &m->screen;
    const struct worker_columns c = worker_columns(s->columns);
    bool online = seen_is_online(worker, monitor_now_s(m));
    struct wr *w = screen_line(s);
    if (worker->active >= 0)
        snprintf(active, sizeof(active), "%lld", (long long)worker->active);
    if (worker->processed >= 0)
        snprintf(processed, sizeof(processed), "%lld", (long long)worker->processed);
    snprintf(load, sizeof(load), "%.2f %.2f %.2f", worker->load[0], worker->load[1],
             worker->load[2]);
    screen_style(s, w, online ? "0" : "31");
    put_worker(w, &c,
               (const char *const[]){worker->name, online ? "online" : "offline",
                                     active, processed, load, worker->software});
}

/* At most a third of the screen; the last line then says how many more there are. */
static void draw_workers(struct monitor *m)
{
    struct screen *s = &m->screen;
    const struct worker_columns c = worker_columns(s->columns);
    size_t room = s->rows / 3 > 1 ? (size_t)s->rows / 3 : 1, n = m->seen.nworkers;
    char text[64];
    if (s->rows >= 10) {
        struct wr *w = screen_line(s);
        screen_style(s, w, "1");
        put_worker(w, &c,
                   (const char *const[]){"WORKER", "STATE", "ACTIVE", "PROCESSED",
                                         "LOAD", "SOFTWARE"});
    }
    size_t shown = n <= room ? n : room - 1;
    for (size_t i = 0; i < shown; i++)
        draw_worker(m, &m->seen.workers[i]);
    if (shown < n || n == 0) {
        snprintf(text, sizeof(text), n ? "%zu more workers" : "no worker heard yet",
                 n - shown);
        put_text(screen_line(s), text, s->columns);
    }
    if (s->rows >= 16)
        screen_line(s);
}

/* ---- tasks --------------------------------------------------------------------------
 */

struct task_columns {
    int state, runtime, name, worker, time, uuid;
};

static struct task_columns task_columns(int columns)
{
    struct task_columns c = {.state = columns < 12 ? 0 : STATE_COLUMNS};
    c.runtime = columns >= 30 ? 8 : 0;
    c.time = columns >= 50 ? TIME_COLUMNS : 0;
    c.worker = columns >= 60 ? (columns >= 100 ? columns / 5 : 18) : 0;
    c.uuid = columns >= 110 ? LONG_UUID : columns >= 70 ? SHORT_UUID : 0;
    c.name = columns - c.state - c.runtime - c.worker - c.time - c.uuid;
    c.name -=
        (c.state > 0) + (c.runtime > 0) + (c.worker > 0) + (c.time > 0) + (c.uuid > 0);
    return c;
}

static const char *style_of(enum seen_state state)
{
    switch (state) {
    case SEEN_SUCCESS:
        return "32";
    case SEEN_FAILURE:
    case SEEN_RETRY:
    case SEEN_REJECTED:
        return "31";
    case SEEN_REVOKED:
        return "35";
    case SEEN_STARTED:
        return "33";
    case SEEN_PENDING:
    case SEEN_RECEIVED:
        break;
    }
    return "0";
}

static void put_cell(struct wr *w, struct str text, int columns)
{
    if (columns > 0) {
        wr_text(w, " ");
        text_field(w, text, columns);
    }
}

static void put_task(struct wr *w, const struct task_columns *c, const char *runtime,
                     const char *clock, const struct str *fields)
{
    struct str uuid = fields[SEEN_UUID];
    if (c->uuid == SHORT_UUID && uuid.n > SHORT_UUID)
        uuid.n = SHORT_UUID;
    if (c->runtime)
        wr_printf(w, " %*s", c->runtime, runtime);
    if (c->state)
        wr_text(w, " ");
    text_field(w, fields[SEEN_NAME], c->name);
    put_cell(w, fields[SEEN_WORKER], c->worker);
    put_cell(w, str_of(clock), c->time);
    put_cell(w, uuid, c->uuid);
}

static void draw_task(struct monitor *m, const struct seen_task *t)
{
    char runtime[16], clock[16];
    struct screen *s = &m->screen;
    const struct task_columns c = task_columns(s->columns);
    struct wr *w = screen_line(s);
    bool selected = t == monitor_selected(m);
    monitor_duration(runtime, t->runs ? monitor_now_s(m) - t->started_s : t->runtime_s);
    put_clock(clock, t->at_s);
    if (selected)
        screen_style(s, w, "7");
    else
        screen_style(s, w, style_of(t->state));
    put_text(w, seen_state_name(t->state), c.state);
    if (!selected)
        screen_plain(w);
    put_task(w, &c, runtime, clock, t->fields);
}

static void draw_titles(struct screen *s)
{
    static const struct str titles[SEEN_FIELDS] = {[SEEN_UUID] = {"UUID", 4},
                                                   [SEEN_NAME] = {"TASK", 4},
                                                   [SEEN_WORKER] = {"WORKER", 6}};
    const struct task_columns c = task_columns(s->columns);
    struct wr *w = screen_line(s);
    screen_style(s, w, "1");
    put_text(w, "STATE", c.state);
    put_task(w, &c, "RUNTIME", "TIME", titles);
}

static int place_of(const struct monitor *m, const struct seen_task *wanted)
{
    int i = 0;
    for (struct seen_task *t = seen_first(&m->seen); t; t = seen_next(&m->seen, t), i++)
        if (t == wanted)
            return i;
    return -1;
}

static void scroll(struct monitor *m, int rows)
{
    int at = place_of(m, monitor_selected(m));
    if (at < 0)
        at = m->nselected ? m->top : 0;
    if (at < m->top)
        m->top = at;
    if (at >= m->top + rows)
        m->top = at - rows + 1;
}

static void draw_tasks(struct monitor *m)
{
    struct screen *s = &m->screen;
    if (s->rows >= 6)
        draw_titles(s);
    int rows = screen_left(s) - 1;
    if (rows <= 0)
        return;
    scroll(m, rows);
    struct seen_task *t = seen_first(&m->seen);
    if (!t)
        put_text(screen_line(s),
                 "no event of a task yet: workers send them with -E, or after E",
                 s->columns);
    for (int i = 0; t && i < m->top; i++)
        t = seen_next(&m->seen, t);
    for (; t && screen_left(s) > 1; t = seen_next(&m->seen, t))
        draw_task(m, t);
}

/* ---- the last line ------------------------------------------------------------------
 */

static void draw_keys(struct monitor *m, const char *keys)
{
    struct screen *s = &m->screen;
    char text[320];
    while (screen_left(s) > 1)
        screen_line(s);
    struct wr *w = screen_line(s);
    if (m->prompts)
        snprintf(text, sizeof(text), "New rate limit: %s_", m->typed);
    else
        snprintf(text, sizeof(text), "%s",
                 m->failure[0] ? m->failure
                 : m->note[0]  ? m->note
                               : keys);
    if (m->failure[0] && !m->prompts)
        screen_style(s, w, "31");
    put_text(w, text, s->columns);
}

/* ---- a page -------------------------------------------------------------------------
 */

static void draw_page(struct monitor *m)
{
    struct screen *s = &m->screen;
    struct str text = wr_str(&m->page.text);
    struct wr line, *w = screen_line(s);
    screen_style(s, w, "1");
    put_text(w, m->page.title, s->columns);
    wr_init(&line, 16384);
    for (m->page.nlines = 0; text_line(&line, &text, s->columns); m->page.nlines++) {
        if (m->page.nlines >= m->page.top && screen_left(s) > 1)
            wr_put(screen_line(s), wr_str(&line));
        wr_reset(&line);
    }
    wr_finish(&line);
    draw_keys(m, "j/k scroll, any other key: back");
}

void monitor_draw(struct monitor *m)
{
    static const char keys[] =
        "j/k move  i info  t traceback  r result  R revoke  L rate limit  q quit";
    m->dirty = false;
    screen_begin(&m->screen);
    if (m->page.open) {
        draw_page(m);
    } else {
        if (m->screen.rows >= 3)
            draw_head(m);
        if (m->screen.rows >= 4)
            draw_workers(m);
        draw_tasks(m);
        draw_keys(m,
                  m->screen.columns < (int)sizeof(keys) - 1 ? "jk i t r R L q" : keys);
    }
    screen_end(&m->screen);
}
