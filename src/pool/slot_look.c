/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

/* The kernel ends a killed process within a moment, unless it hangs in a system call.
 */
#define KILL_GRACE_MS 10000

static const char *state_name(const struct slot *s)
{
    static const char *const names[] = {"starting", "serving", "stopping", "gone"};
    return names[s->state];
}

void slot_describe(const struct slot *s, struct wr *out)
{
    wr_printf(out, "%s pid:%d %s, %llu done, %zu given", s->name, s->process.pid,
              state_name(s), (unsigned long long)s->tasks, s->ngiven);
    if (s->running)
        wr_printf(out, ", runs %s[%s] for %.3f s", s->running->name.p, s->running->id.p,
                  (double)(uv_now(s->loop) - s->started_ms) / 1000);
    wr_text(out, "\n");
}

struct pool_child slot_look(const struct slot *s)
{
    double ms = s->running ? (double)(uv_now(s->loop) - s->started_ms) : 0;
    return (struct pool_child){.name = s->name,
                               .state = state_name(s),
                               .pid = s->process.pid,
                               .tasks = s->tasks,
                               .ngiven = s->ngiven,
                               .running = s->running,
                               .runs_s = ms / 1000};
}

static bool is_overdue(const struct slot *s)
{
    const struct request *rq = s->running;
    double ms = (double)(uv_now(s->loop) - s->started_ms);
    return rq && rq->mode == TASK_RUN && rq->hard_limit_s > 0 &&
           ms > rq->hard_limit_s * 1000 + KILL_GRACE_MS;
}

bool slot_is_well(const struct slot *s, struct wr *why)
{
    bool stays = s->killed_ms > 0 && uv_now(s->loop) - s->killed_ms > KILL_GRACE_MS;
    if (s->reaped || (!stays && !is_overdue(s)))
        return true;
    wr_printf(why,
              stays ? "%s pid:%d was killed and does not end"
                    : "%s pid:%d is past its hard time limit and still runs",
              s->name, s->process.pid);
    return false;
}
