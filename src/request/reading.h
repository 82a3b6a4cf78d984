/* SPDX-License-Identifier: Apache-2.0 */
/* reading - documents of the backend for a child that waits for them: one question at a
 * time, answered in slices, so that the parts of a large chord are never here at once.
 */
#ifndef PETIOLE_READING_H
#define PETIOLE_READING_H

#include "request.h"

/* struct pool_events' read. */
void reading_begin(void *ctx, struct request *rq, const struct frame_read *told);
/* Nobody waits any more. */
void reading_forget(struct follow *f);

#endif
