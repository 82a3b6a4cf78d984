/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker says and does when broker or result backend come and go, in the words
 * of celery/worker/consumer/consumer.py. */
#include "command/command.h"
#include "life.h"
#include "request/prefetch.h"

void connection_broker_up(void *ctx)
{
    struct worker *w = ctx;
    w->broker_up = true;
    if (w->announced_loss)
        log_line(LOG_INFO, "Connected to %s", w->broker->ops->where(w->broker));
    w->announced_loss = false;
    life_check_ready(w);
}

/* Celery asks broker_connection_retry_on_startup first, where it is given. */
static bool may_retry(const struct config *c, bool starting)
{
    return starting && c->retry_on_startup != CONFIG_UNSET
               ? c->retry_on_startup == CONFIG_TRUE
               : c->connection_retry;
}

void connection_broker_down(void *ctx, const char *why, double retry_s,
                            unsigned attempts)
{
    struct worker *w = ctx;
    const struct config *c = w->config;
    bool starting = w->state == WORKER_STARTING && !w->broker_up;
    bool last = c->connection_max_retries > 0 &&
                attempts >= (unsigned)c->connection_max_retries;
    const char *where = w->broker->ops->where(w->broker);
    if (w->state >= WORKER_STOPPING)
        return;
    if (retry_s <= 0 && (starting || w->announced_loss)) {
        log_line(LOG_ERROR,
                 "consumer: Cannot connect to %s: %s. Will retry using next failover.",
                 where, why);
    } else if (!may_retry(c, starting)) {
        log_line(
            LOG_CRITICAL,
            "consumer: Cannot connect to %s: %s. Retrying to %s a connection to the "
            "message broker after a connection loss has been disabled (%s=False). "
            "Shutting down...",
            where, why, starting ? "establish" : "re-establish",
            starting && c->retry_on_startup != CONFIG_UNSET
                ? "broker_connection_retry_on_startup"
                : "broker_connection_retry");
        w->exit_code = EXIT_FAILED;
        life_stop_warm(w);
    } else if (starting && last) {
        log_line(LOG_CRITICAL,
                 "consumer: Cannot connect to %s: %s. Giving up after %u "
                 "attempt(s).",
                 where, why, attempts);
        life_leave(w, EXIT_FAILED);
    } else if (starting) {
        log_line(LOG_ERROR,
                 "consumer: Cannot connect to %s: %s. Trying again in %.2f "
                 "seconds... (%u/%lld)",
                 where, why, retry_s, attempts, (long long)c->connection_max_retries);
    } else if (!w->announced_loss) {
        log_line(LOG_WARNING,
                 "consumer: Connection to broker lost (%s). Trying to "
                 "re-establish the connection...",
                 why);
        w->announced_loss = true;
        prefetch_connection_lost(w);
    } else {
        log_line(LOG_WARNING,
                 "consumer: Cannot connect to %s: %s. Trying again in %.2f "
                 "seconds... (%u)",
                 where, why, retry_s, attempts);
    }
}

void connection_broker_unfit(void *ctx, const char *why)
{
    struct worker *w = ctx;
    log_line(LOG_CRITICAL, "consumer: cannot work with %s: %s",
             w->broker->ops->where(w->broker), why);
    life_leave(w, EXIT_FAILED);
}

void connection_backend_up(void *ctx)
{
    (void)ctx;
}

void connection_backend_down(void *ctx, const char *why, double retry_s,
                             unsigned attempts)
{
    struct worker *w = ctx;
    if (w->state < WORKER_STOPPING)
        log_line(retry_s > 0 ? LOG_ERROR : LOG_WARNING,
                 "result backend: no connection to %s: %s. Results wait; "
                 "trying again in %.2f seconds... (%u)",
                 w->config->backend.masked, why, retry_s, attempts);
}
