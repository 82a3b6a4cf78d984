/* SPDX-License-Identifier: Apache-2.0 */
/* One task's details. What is shown is a copy: the task may be forgotten meanwhile. */
#include "monitor.h"
#include "text.h"

#include <stdio.h>

struct wr *monitor_page(struct monitor *m, const char *what, const struct seen_task *t)
{
    struct wr title;
    wr_init(&title, 1024);
    wr_text(&title, what);
    if (t) {
        wr_text(&title, " ");
        text_put(&title, t->fields[SEEN_UUID]);
    }
    snprintf(m->page.title, sizeof(m->page.title), STR_FMT, STR_ARG(wr_str(&title)));
    wr_finish(&title);
    if (!m->page.text.max)
        wr_init(&m->page.text, MONITOR_PAGE_BYTES);
    wr_reset(&m->page.text);
    m->page.top = 0;
    m->page.open = true;
    return &m->page.text;
}

void monitor_show_info(struct monitor *m, const struct seen_task *t)
{
    static const enum seen_field shown[] = {SEEN_NAME,      SEEN_ARGS,    SEEN_KWARGS,
                                            SEEN_WORKER,    SEEN_RETRIES, SEEN_ETA,
                                            SEEN_EXPIRES,   SEEN_QUEUE,   SEEN_RESULT,
                                            SEEN_EXCEPTION, SEEN_ROOT,    SEEN_PARENT};
    struct wr *w = monitor_page(m, "Task", t);
    char runtime[16];
    wr_printf(w, "state: %s\n", seen_state_name(t->state));
    monitor_duration(runtime, t->runs ? monitor_now_s(m) - t->started_s : t->runtime_s);
    if (runtime[0])
        wr_printf(w, "runtime: %s\n", runtime);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (t->fields[shown[i]].p) {
            wr_printf(w, "%s: ", seen_field_name(shown[i]));
            wr_put(w, t->fields[shown[i]]);
            wr_text(w, "\n");
        }
}

void monitor_show_result(struct monitor *m, const struct seen_task *t)
{
    struct str text = t->fields[SEEN_RESULT];
    if (!text.p)
        text = t->fields[SEEN_EXCEPTION];
    if (text.p)
        wr_put(monitor_page(m, "Result of", t), text);
    else
        monitor_note(m, "no result yet");
}

void monitor_show_traceback(struct monitor *m, const struct seen_task *t)
{
    if (t->fields[SEEN_TRACEBACK].p)
        wr_put(monitor_page(m, "Traceback of", t), t->fields[SEEN_TRACEBACK]);
    else
        monitor_note(m, "no traceback");
}
