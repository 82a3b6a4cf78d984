/* SPDX-License-Identifier: Apache-2.0 */
#include "revocation.h"

#include "statedb.h"

#include "../../protocol/json.h"
#include "../../protocol/message.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX_BYTES 1024
/* Changes within this time are written together. */
#define SAVE_AFTER_MS 10000

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

/* ---- one request -------------------------------------------------------------- */

/* Its headers are read again: few tasks carry stamps, and fewer wait. */
static bool has_revoked_stamp(struct request *rq, struct wr *shown)
{
    struct worker *w = rq->worker;
    struct envelope e;
    const char *why;
    if (!rq->has_stamps || w->revoke.stamps.n == 0)
        return false;
    arena_reset(&w->scratch);
    return envelope_read(&w->scratch, rq->raw, &e, &why) &&
           revoke_has_stamp(&w->revoke, e.headers, now_ms(), shown);
}

static bool is_expired(struct request *rq)
{
    return rq->expires_us && worker_now_us(rq->worker) > rq->expires_us;
}

/* Why it must not run, or NULL: as where it does not run, but is concluded. *shown gets
 * the stamp that says so, else stays empty.
 */
static const char *verdict(struct request *rq, struct wr *shown)
{
    return rq->mode != TASK_RUN                         ? NULL
           : is_expired(rq)                             ? "expired"
           : revoke_has_id(&rq->worker->revoke, rq->id) ? "revoked"
           : has_revoked_stamp(rq, shown)               ? "revoked"
                                                        : NULL;
}

bool revocation_is_certain(struct request *rq)
{
    return is_expired(rq) || revoke_has_id(&rq->worker->revoke, rq->id);
}

static void drop(struct request *rq, const char *why, struct wr *shown)
{
    struct worker *w = rq->worker;
    if (is_expired(rq)) {
        revoke_id(&w->revoke, rq->id, now_ms());
        revocation_changed(w);
    }
    bool stamped = shown->len > 0;
    wr_u8(shown, 0);
    outcome_revoked(rq, why, !stamped ? NULL : shown->bad ? "..." : shown->p);
}

bool revocation_drops(struct request *rq)
{
    struct wr shown;
    wr_init(&shown, SHOWN_MAX_BYTES);
    const char *why = verdict(rq, &shown);
    if (why)
        drop(rq, why, &shown);
    wr_finish(&shown);
    return why != NULL;
}

/* ---- all that are here -------------------------------------------------------- */

static void drop_waiting(void *ctx, struct request *rq)
{
    struct worker *w = ctx;
    struct wr shown;
    wr_init(&shown, SHOWN_MAX_BYTES);
    const char *why = verdict(rq, &shown);
    if (why && (rq->state == RQ_WAITING || rq->state == RQ_PARKED))
        schedule_remove(&w->schedule, rq);
    if (why)
        drop(rq, why, &shown);
    wr_finish(&shown);
}

static void drop_given(void *ctx, struct request *rq)
{
    struct worker *w = ctx;
    if (rq->state == RQ_GIVEN && verdict(rq, NULL))
        pool_leave_out(w->pool, rq);
}

/* One that is CHECKING is asked again before it goes to a child. */
static void drop_all(struct worker *w)
{
    static const enum request_state states[] = {RQ_WAITING, RQ_PARKED, RQ_READY};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct list *all = &w->requests[states[i]], *next;
        for (struct list *l = all->next; l != all; l = next) {
            next = l->next;
            drop_waiting(w, list_entry(l, struct request, link));
        }
    }
    if (w->throttle)
        throttle_each(w->throttle, drop_waiting, w);
    pool_each(w->pool, drop_given, w);
}

size_t revocation_revoke(struct worker *w, const struct str *ids, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        kept += revoke_id(&w->revoke, ids[i], now_ms());
    revocation_changed(w);
    drop_all(w);
    return kept;
}

bool revocation_revoke_stamp(struct worker *w, struct str name, const ptl_value *value)
{
    bool kept = true, many = value_kind(value) == PTL_LIST;
    for (size_t i = 0; many && i < value_len(value); i++)
        kept &= revoke_stamp(&w->revoke, name, value_at(value, i), now_ms());
    if (!many)
        kept = revoke_stamp(&w->revoke, name, value, now_ms());
    revocation_changed(w);
    drop_all(w);
    return kept;
}

/* ---- terminating -------------------------------------------------------------- */

struct termination {
    struct worker *w;
    const struct limited *ids;
    int signum;
    size_t known;
};

static void terminate(void *ctx, struct request *rq)
{
    struct termination *t = ctx;
    if (rq->mode != TASK_RUN || !limited_has(t->ids, rq->id))
        return;
    pool_terminate(t->w->pool, rq, t->signum);
    t->known++;
}

size_t revocation_terminate(struct worker *w, const struct str *ids, size_t n,
                            int signum)
{
    struct limited set;
    limited_init(&set, n, 0);
    for (size_t i = 0; i < n; i++)
        limited_add(&set, ids[i], 0);
    struct termination t = {w, &set, signum, 0};
    pool_each(w->pool, terminate, &t);
    limited_finish(&set);
    return t.known;
}

int revocation_signal(struct str name)
{
    char text[16];
    char *end;
    snprintf(text, sizeof(text), "%.*s", (int)(name.n < 15 ? name.n : 15), name.p);
    long number = strtol(text, &end, 10);
    if (end != text && !*end)
        return number > 0 && number <= SIGRTMAX ? (int)number : 0;
    const char *plain = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (int i = 1; i < SIGRTMIN; i++)
        if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), plain) == 0)
            return i;
    return 0;
}

/* ---- the state file ----------------------------------------------------------- */

static struct statedb_times times(struct worker *w)
{
    return (struct statedb_times){worker_now_us(w) / 1000000, now_ms()};
}

void revocation_load(struct worker *w)
{
    struct error e;
    revoke_init(&w->revoke);
    uv_mutex_init(&w->state_lock);
    if (w->config->state_db &&
        statedb_read(w->config->state_db, &w->revoke, &w->clock, times(w), &e) < 0)
        log_line(LOG_ERROR, "%s", e.msg);
}

/* A disk may take its time: that is a thread's, not the loop's. */
struct save {
    uv_work_t work;
    struct worker *w;
    struct wr text;
    struct error e;
    int result;
};

static void in_thread(uv_work_t *work)
{
    struct save *s = work->data;
    uv_mutex_lock(&s->w->state_lock);
    if (!s->w->state_written) /* what the end wrote is newer */
        s->result = statedb_save(s->w->config->state_db, wr_str(&s->text), &s->e);
    uv_mutex_unlock(&s->w->state_lock);
}

static void after_thread(uv_work_t *work, int status)
{
    struct save *s = work->data;
    (void)status;
    s->w->state_saving = false;
    if (s->result < 0)
        log_line(LOG_ERROR, "%s", s->e.msg);
    wr_finish(&s->text);
    free(s);
}

static bool write_text(struct worker *w, struct wr *text)
{
    wr_init(text, STATEDB_MAX_BYTES);
    w->state_changed = false;
    if (statedb_write_text(text, &w->revoke, w->clock, times(w)))
        return true;
    log_line(LOG_ERROR, "cannot write the state file %s: out of memory",
             w->config->state_db);
    return false;
}

static void on_save(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    struct save *s = w->state_saving ? NULL : calloc(1, sizeof(*s));
    if (!s) { /* the one before is not on the disk yet */
        uv_timer_start(timer, on_save, SAVE_AFTER_MS, 0);
        return;
    }
    s->w = w;
    s->work.data = s;
    w->state_saving = write_text(w, &s->text) &&
                      uv_queue_work(&w->loop, &s->work, in_thread, after_thread) == 0;
    if (!w->state_saving) {
        wr_finish(&s->text);
        free(s);
    }
}

void revocation_changed(struct worker *w)
{
    if (!w->config->state_db || w->state_changed)
        return;
    w->state_changed = true;
    uv_timer_start(&w->state_timer, on_save, SAVE_AFTER_MS, 0);
}

void revocation_save(struct worker *w)
{
    struct error e;
    struct wr text;
    if (!w->config->state_db)
        return;
    uv_mutex_lock(&w->state_lock);
    w->state_written = true;
    if (write_text(w, &text) &&
        statedb_save(w->config->state_db, wr_str(&text), &e) < 0)
        log_line(LOG_ERROR, "%s", e.msg);
    uv_mutex_unlock(&w->state_lock);
    wr_finish(&text);
}
