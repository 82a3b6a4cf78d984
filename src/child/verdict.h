/* SPDX-License-Identifier: Apache-2.0 */
/* verdict - how a task ended, in the words that Celery stores and logs. */
#ifndef PETIOLE_VERDICT_H
#define PETIOLE_VERDICT_H

#include "../../protocol/result.h"
#include "task.h"

struct verdict {
    enum frame_outcome outcome;
    struct result_error error; /* of FAILURE and REJECT, and of RETRY if has_error */
    bool has_error;            /* a retry that an exception made */
    bool expected;             /* a failure of a kind that the row `throws` */
    struct wr repr;            /* of the result or the exception, for the log */
    struct wr cause;           /* RETRY: the repr of its exception, "None" without */
    struct wr traceback;       /* of FAILURE, RETRY and REJECT; else empty */
};

void verdict_init(struct verdict *v);
void verdict_finish(struct verdict *v);
/* As of a task that did not run: nothing is said of it. */
void verdict_forget(struct verdict *v);
/* Fills *v from a task that has run; what it points to is the task's. */
void verdict_read(struct verdict *v, struct ptl_task *t);
/* Turns it into another failure: the outcome could not be written as it was. */
void verdict_fail(struct verdict *v, struct ptl_task *t, const char *kind,
                  struct str text);

#endif
