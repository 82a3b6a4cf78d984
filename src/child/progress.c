/* SPDX-License-Identifier: Apache-2.0 */
/* progress - what a handler says, and hears, while it runs. */
#include "cancel.h"
#include "task.h"
#include "text.h"

#include <stdio.h>

#define MAX_LINE_BYTES 8192
#define MAX_STATE_BYTES 255

void ptl_set_state(ptl_task *t, const char *state, const ptl_value *meta)
{
    struct str s = str_of(state);

    if (s.n == 0 || s.n > MAX_STATE_BYTES || !text_is_valid(s)) {
        task_fail(t, "ValueError", "ptl_set_state() needs the name of a state");
        return;
    }
    t->sink->state(t, state, meta);
}

void ptl_progress(ptl_task *t, const ptl_value *meta)
{
    ptl_set_state(t, "PROGRESS", meta);
}

bool ptl_cancelled(const ptl_task *t)
{
    (void)t;
    return cancel_requested();
}

/* A line end would let a task forge lines of the worker's log. */
static void flatten_line(char *p)
{
    for (; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            *p = ' ';
}

/* Not in the arena: a task that runs for days may log all the while. */
void ptl_log(ptl_task *t, ptl_level level, const char *fmt, ...)
{
    char line[MAX_LINE_BYTES];
    va_list ap;
    int n;

    if ((unsigned)level < t->node->log_level)
        return;
    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (n < 0)
        line[0] = '\0';
    if (n >= (int)sizeof(line))
        memcpy(line + sizeof(line) - 4, "...", 4);
    flatten_line(line);
    text_repair(str_of(line));
    t->sink->log(t, level, str_of(line));
}
