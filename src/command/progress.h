/* SPDX-License-Identifier: Apache-2.0 */
/* progress - how a task that is waited for stands, in one line of a terminal. */
#ifndef PETIOLE_PROGRESS_H
#define PETIOLE_PROGRESS_H

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

struct progress {
    struct str state;      /* "PROGRESS", or whatever the task calls it */
    const ptl_value *meta; /* what it says of it; or NULL */
    size_t ndone, nparts;  /* of a workflow: its tasks; nparts 1: a lone task */
    double waited_s;
};

/* Exactly `columns` wide. A task tells by meta's `current` and `total`, or `percent`,
 * and `message` or `status`; what else it holds is shown as JSON. */
void progress_write(struct wr *w, const struct progress *p, int columns);

#endif
