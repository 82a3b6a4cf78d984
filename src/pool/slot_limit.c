/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

#include <signal.h>
#include <stdio.h>

static void on_timer(uv_timer_t *timer);

void slot_wake_after(struct slot *s, uint64_t ms)
{
    uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* Nothing of a plugin's runs while an outcome is concluded. */
void slot_arm_limit(struct slot *s)
{
    const struct request *rq = s->running;
    if (slot_is_ending(s) || s->killed || s->reaped || rq->mode != TASK_RUN)
        return;
    double limit_s =
        !s->soft_sent && rq->soft_limit_s > 0 ? rq->soft_limit_s : rq->hard_limit_s;
    if (limit_s <= 0)
        return;
    uint64_t due = s->started_ms + (uint64_t)(limit_s * 1000 + 0.999);
    uint64_t now = uv_now(s->loop);
    slot_wake_after(s, due > now ? due - now : 0);
}

/* Seconds as Celery prints them: 1, 1.5. */
static const char *seconds(double s, char out[32])
{
    snprintf(out, 32, "%.10g", s);
    return out;
}

static void limit_reached(struct slot *s, struct request *rq)
{
    char text[32];
    if (!s->soft_sent && rq->soft_limit_s > 0) {
        s->soft_sent = true;
        log_line_of(REQUEST_SUBJECT(rq), LOG_WARNING,
                    "Soft time limit (%ss) exceeded for %s[%s]",
                    seconds(rq->soft_limit_s, text), rq->name.p, rq->id.p);
        slot_send_soft_limit(s);
        if (rq->hard_limit_s > 0)
            slot_arm_limit(s);
        return;
    }
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Hard time limit (%ss) exceeded for %s[%s]",
                seconds(rq->hard_limit_s, text), rq->name.p, rq->id.p);
    rq->killed_by_limit = true;
    slot_end_running(s, SIGKILL);
}

/* A child that does not come up would keep its place for ever. */
static void never_came_up(struct slot *s)
{
    log_line(LOG_ERROR,
             "Timed out waiting for UP message from '%s' pid:%d: it did not load its "
             "plugins within %.10g s (worker_proc_alive_timeout); killed",
             s->name, s->process.pid, s->config->proc_alive_timeout_s);
    s->end = POOL_END_NOT_UP;
    slot_kill(s);
}

/* One timer for what never happens at once: a child that is stopped to be looked at,
 * the limits of what runs, and a socket that is held open by others. */
static void on_timer(uv_timer_t *timer)
{
    struct slot *s = timer->data;
    if (s->reaped) {
        s->read_to_end = true;
        slot_check_gone(s);
    } else if (slot_is_ending(s)) {
        slot_look_at_ending(s);
        if (s->running)
            slot_arm_limit(s);
    } else if (s->running) {
        limit_reached(s, s->running);
    } else if (s->state == SLOT_STARTING) {
        never_came_up(s);
    }
}
