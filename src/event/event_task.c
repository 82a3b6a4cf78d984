/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "../worker.h"

void event_task_received(struct request *rq, const struct message *m)
{
    (void)rq;
    (void)m;
}

void event_task_started(struct request *rq, uint32_t pid)
{
    (void)rq;
    (void)pid;
}

void event_task_succeeded(struct request *rq, struct str result_repr, double runtime_s)
{
    (void)rq;
    (void)result_repr;
    (void)runtime_s;
}

void event_task_failed(struct request *rq, struct str exception_repr,
                       struct str traceback)
{
    (void)rq;
    (void)exception_repr;
    (void)traceback;
}

void event_task_retried(struct request *rq, struct str exception_repr,
                        struct str traceback)
{
    (void)rq;
    (void)exception_repr;
    (void)traceback;
}

void event_task_revoked(struct request *rq, bool terminated, int signum, bool expired)
{
    (void)rq;
    (void)terminated;
    (void)signum;
    (void)expired;
}

void event_task_rejected(struct request *rq, bool requeue)
{
    (void)rq;
    (void)requeue;
}

void event_task_cancelled(struct request *rq)
{
    (void)rq;
}

void event_task_ended(struct request *rq)
{
    (void)rq;
}

void event_task_custom(struct request *rq, struct str type, struct str fields)
{
    (void)rq;
    (void)type;
    (void)fields;
}
