/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker knows of itself: petiole_*, and celery-exporter's of workers. */
#include "metrics_parts.h"

#include "../worker.h"
#include "turn.h"

#include <ctype.h>

static void put_one(struct wr *out, const char *name, const char *type,
                    const char *help, double v)
{
    metrics_put_head(out, name, type, help);
    metrics_put(out, name, (struct str){NULL, 0}, v);
}

static void put_counter(struct wr *out, const char *name, const char *help, uint64_t n)
{
    put_one(out, name, "counter", help, (double)n);
}

static void put_gauge(struct wr *out, const char *name, const char *help, double v)
{
    put_one(out, name, "gauge", help, v);
}

/* NAME{label="value"} v */
static void put_labelled(struct wr *out, const char *name, const char *label,
                         struct str value, double v)
{
    wr_printf(out, "%s{", name);
    label_put(out, label, value);
    wr_text(out, "} ");
    metrics_put_number(out, v);
    wr_text(out, "\n");
}

/* ---- celery-exporter's -------------------------------------------------------- */

static size_t running(const struct worker *w)
{
    return w->counts[RQ_RUNNING];
}

static void put_of_queues(struct wr *out, const struct worker *w, const char *name,
                          const char *help, double v)
{
    const struct queue *q;
    metrics_put_head(out, name, "gauge", help);
    for (size_t i = 0; (q = w->broker->ops->consumed(w->broker, i)); i++)
        put_labelled(out, name, "queue_name", str_of(q->name), v);
}

/* Each worker of a queue tells of it: boards take the largest, not the sum. */
static void put_waiting(struct wr *out, const struct worker *w)
{
    const char *name = "celery_queue_length";
    const struct queue *q;
    metrics_put_head(out, name, "gauge",
                     "Messages that wait in the broker's queue, a few seconds ago.");
    for (size_t i = 0; (q = w->broker->ops->consumed(w->broker, i)); i++) {
        int64_t n = w->broker->ops->waiting(w->broker, i);
        if (n >= 0)
            put_labelled(out, name, "queue_name", str_of(q->name), (double)n);
    }
}

void metrics_put_celery_worker(struct wr *out, const struct worker *w,
                               struct str hostname)
{
    metrics_put_head(out, "celery_worker_up", "gauge",
                     "This worker, which answers: 1.");
    put_labelled(out, "celery_worker_up", "hostname", hostname, 1);
    metrics_put_head(out, "celery_worker_tasks_active", "gauge",
                     "Tasks whose handlers run now.");
    put_labelled(out, "celery_worker_tasks_active", "hostname", hostname,
                 (double)running(w));
    put_of_queues(out, w, "celery_active_worker_count",
                  "This worker, for each queue that it takes from.", 1);
    put_of_queues(out, w, "celery_active_process_count",
                  "Its children, for each queue that it takes from.",
                  (double)pool_size(w->pool));
    put_waiting(out, w);
}

/* ---- messages ----------------------------------------------------------------- */

static void put_requests(struct wr *out, const struct worker *w)
{
    const char *name = "petiole_requests";
    metrics_put_head(out, name, "gauge", "Messages that the worker holds, by state.");
    for (unsigned s = 0; s < RQ_STATES; s++) {
        char state[32] = "";
        const char *text = request_state_name((enum request_state)s);
        for (size_t i = 0; text[i] && i < sizeof(state) - 1; i++)
            state[i] = (char)tolower((unsigned char)text[i]);
        put_labelled(out, name, "state", str_of(state), (double)w->counts[s]);
    }
}

static void put_broker(struct wr *out, const struct worker *w)
{
    const struct broker_stats *s = &w->broker->stats;
    put_gauge(out, "petiole_broker_up", "Is the broker connected?",
              w->broker_up && !w->announced_loss);
    put_counter(out, "petiole_messages_taken_total", "Messages taken from queues.",
                s->taken);
    put_counter(out, "petiole_messages_acknowledged_total", "Messages acknowledged.",
                s->acked);
    put_counter(out, "petiole_messages_returned_total",
                "Messages put back into their queue.", s->put_back);
    put_counter(out, "petiole_dead_letters_total",
                "Messages that went to the dead letters.", s->buried);
    put_counter(out, "petiole_lease_renewals_total",
                "Leases on messages that were renewed.", s->leases_renewed);
    put_counter(out, "petiole_leases_lost_total",
                "Messages that another worker took over.", s->leases_lost);
    metrics_put_head(out, "petiole_messages_restored_total", "counter",
                     "Messages of other workers that were put back.");
    put_labelled(out, "petiole_messages_restored_total", "reason", STR("dead"),
                 (double)s->restored_from_dead);
    put_labelled(out, "petiole_messages_restored_total", "reason", STR("overdue"),
                 (double)s->restored_overdue);
}

static void put_bus(struct wr *out, const struct worker *w)
{
    const struct bus_stats none = {0}, *s = w->bus ? &w->bus->stats : &none;
    put_gauge(out, "petiole_bus_up", "Are remote control and events connected?",
              w->bus && w->bus->up);
    put_counter(out, "petiole_events_sent_total", "Events sent.", s->events_sent);
    put_counter(out, "petiole_events_dropped_total",
                "Events that could not be sent, or had no memory.",
                s->events_dropped + w->events.dropped);
    put_counter(out, "petiole_control_requests_total",
                "Requests of the remote control that were heard.", s->requests);
    put_counter(out, "petiole_control_replies_dropped_total",
                "Replies that could not be sent.", s->replies_dropped);
}

/* ---- children ----------------------------------------------------------------- */

static const char *const ends[POOL_ENDS] = {
    [POOL_END_UNKNOWN] = "unknown",       [POOL_END_TASKS] = "max_tasks",
    [POOL_END_MEMORY] = "max_memory",     [POOL_END_TIME_LIMIT] = "time_limit",
    [POOL_END_TERMINATED] = "terminated", [POOL_END_NOT_UP] = "not_up",
    [POOL_END_NOT_READY] = "not_ready",   [POOL_END_NONSENSE] = "nonsense",
    [POOL_END_SIGNAL] = "signal",         [POOL_END_EXIT] = "exit",
};

struct children {
    struct wr *out;
    size_t n;
};

/* By its place, not its name: names are never used again, and would add up. */
static void put_rss(void *ctx, const struct pool_child *c)
{
    struct children *all = ctx;
    char place[16];
    size_t bytes = metrics_resident_bytes(c->pid);
    snprintf(place, sizeof(place), "%zu", ++all->n);
    if (bytes > 0 && all->n <= METRICS_SERIES_MAX)
        put_labelled(all->out, "petiole_child_rss_bytes", "child", str_of(place),
                     (double)bytes);
}

static void put_children(struct wr *out, const struct worker *w)
{
    struct children all = {out, 0};
    struct pool_stats s = pool_stats(w->pool);
    size_t size = pool_size(w->pool);
    put_gauge(out, "petiole_children", "Children that serve.", (double)s.serving);
    put_gauge(out, "petiole_children_wanted", "Children that there are to be.",
              (double)size);
    put_gauge(out, "petiole_busy_ratio",
              "Of the children, how many run a task: 0 to 1.",
              size > 0 ? (double)running(w) / (double)size : 0);
    metrics_put_head(out, "petiole_child_restarts_total", "counter",
                     "Children that were replaced, by the reason.");
    for (unsigned i = 1; i < POOL_ENDS; i++)
        put_labelled(out, "petiole_child_restarts_total", "reason", str_of(ends[i]),
                     (double)s.restarts[i]);
    metrics_put_head(out, "petiole_child_rss_bytes", "gauge",
                     "Resident memory of each child.");
    pool_each_child(w->pool, put_rss, &all);
}

/* ---- the worker --------------------------------------------------------------- */

static void put_loop(struct wr *out, const struct turn *t)
{
    double counts[TURN_BUCKETS + 1];
    for (size_t i = 0; i <= TURN_BUCKETS; i++)
        counts[i] = (double)t->counts[i];
    metrics_put_head(out, "petiole_loop_turn_seconds", "histogram",
                     "How long each turn of the worker's loop took.");
    metrics_put_histogram(out, "petiole_loop_turn_seconds", (struct str){NULL, 0},
                          turn_buckets_s, counts, TURN_BUCKETS, t->sum_s);
    put_gauge(out, "petiole_loop_longest_turn_seconds", "The longest since the start.",
              t->longest_s);
}

static void put_overflow(struct wr *out, const struct metrics *m)
{
    const char *name = "petiole_metrics_overflow_total";
    metrics_put_head(out, name, "counter",
                     "Counts under \"other\", for too many sets of labels.");
    put_labelled(out, name, "family", STR("celery_task"), (double)m->tasks.overflow);
    put_labelled(out, name, "family", STR("celery_task_failed"),
                 (double)m->exceptions.overflow);
    for (size_t i = 0; i < m->nfamilies; i++)
        put_labelled(out, name, "family", str_of(m->families[i]->name),
                     (double)m->families[i]->series.overflow);
    put_counter(out, "petiole_metrics_refused_total",
                "What handlers counted that is no metric.", m->refused);
}

void metrics_put_worker(struct wr *out, struct worker *w)
{
    metrics_put_head(out, "petiole_build_info", "gauge", "What this worker is.");
    wr_text(out, "petiole_build_info{");
    label_put(out, "version", STR(PTL_VERSION));
    label_put(out, "transport", str_of(w->broker->ops->transport));
    label_put(out, "node", str_of(w->config->hostname));
    wr_text(out, "} 1\n");
    put_gauge(out, "petiole_ready", "Does it take tasks now?", worker_is_ready(w));
    put_requests(out, w);
    put_broker(out, w);
    put_bus(out, w);
    put_children(out, w);
    put_loop(out, &w->loop_turn);
    put_gauge(out, "petiole_events_waiting_bytes", "Events gathered for the next turn.",
              (double)w->events.batch.len);
    put_counter(out, "petiole_log_lines_dropped_total",
                "Log lines that their reader did not take in time.", log_dropped());
    put_overflow(out, w->metrics);
}
