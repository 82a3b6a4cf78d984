/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include "../worker.h"
#include "follow.h"

#include <stdlib.h>

struct reading {
    struct follow *follow; /* NULL: nobody waits */
    uint64_t job;
    size_t left; /* documents that the child still expects; of parts it expects none */
};

void reading_forget(struct follow *f)
{
    if (f->reading)
        f->reading->follow = NULL;
    f->reading = NULL;
}

static void tell_absent(struct request *rq, size_t n)
{
    const struct str absent[64] = {{NULL, 0}};
    for (; n > 64; n -= 64)
        pool_tell_documents(rq, absent, 64, false);
    pool_tell_documents(rq, absent, n, true);
}

static void tell(struct reading *r, const struct str *documents, size_t n, bool last,
                 const char *why)
{
    struct request *rq = r->follow->rq;
    if (rq->state != RQ_RUNNING || rq->job != r->job || !rq->child)
        return;
    r->left -= n < r->left ? n : r->left;
    if (!why) {
        pool_tell_documents(rq, documents, n, last);
        return;
    }
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Task %s[%s]: documents it needs cannot be read: %s", rq->name.p,
                rq->id.p, why);
    tell_absent(rq, r->left);
}

static void on_read(void *ctx, const struct str *documents, size_t n, bool last,
                    const char *why)
{
    struct reading *r = ctx;
    if (r->follow)
        tell(r, documents, n, last, why);
    if (!last && !why)
        return;
    if (r->follow)
        r->follow->reading = NULL;
    free(r);
}

static struct str *split(struct str ids, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < ids.n; i++)
        *n += ids.p[i] == '\0';
    struct str *all = malloc((*n + 1) * sizeof(*all));
    for (size_t i = 0; all && i < *n; i++) {
        all[i] = str_of(ids.p);
        ids.p += all[i].n + 1;
    }
    return all;
}

static bool begin(struct request *rq, const struct frame_read *told)
{
    static const enum backend_read what[] = {
        [FRAME_READ_RESULTS] = READ_RESULTS,
        [FRAME_READ_GROUP] = READ_GROUP,
        [FRAME_READ_PARTS] = READ_PARTS,
    };
    struct backend *b = rq->worker->backend;
    struct follow *f = follow_of(rq);
    size_t n;
    struct str *ids = f && !f->reading ? split(told->ids, &n) : NULL;
    struct reading *r = ids ? malloc(sizeof(*r)) : NULL;
    if (r && b) {
        *r = (struct reading){f, rq->job, told->what == FRAME_READ_PARTS ? 0 : n};
        f->reading = r;
        b->ops->read(b, what[told->what], ids, n, on_read, r);
    } else if (r) {
        tell_absent(rq, told->what == FRAME_READ_PARTS ? 0 : n);
        free(r);
    }
    free(ids);
    return r != NULL;
}

void reading_begin(void *ctx, struct request *rq, const struct frame_read *told)
{
    (void)ctx;
    if (begin(rq, told))
        return;
    log_line_of(REQUEST_SUBJECT(rq), LOG_CRITICAL,
                "Task %s[%s]: no memory for what it asks for, or it asks "
                "again before it was answered: child killed",
                rq->name.p, rq->id.p);
    pool_kill_child(rq);
}
