/* SPDX-License-Identifier: Apache-2.0 */
/* meta - the documents that AsyncResult reads, from a task that runs or has run. */
#ifndef PETIOLE_META_H
#define PETIOLE_META_H

#include "verdict.h"

void meta_write_started(struct wr *w, const struct ptl_task *t);
/* date_done_us is used if the state is a final one, as Celery does. */
void meta_write_state(struct wr *w, const struct ptl_task *t, const char *state,
                      const ptl_value *meta, int64_t date_done_us);
/* `result` is the value's JSON, for SUCCESS. Writes nothing for an outcome of which
 * Celery stores nothing. */
void meta_write_done(struct wr *w, const struct ptl_task *t, const struct verdict *v,
                     struct str result, int64_t date_done_us);
/* Of a task that was ended from outside: a failure, or revoked. */
void meta_write_ended(struct wr *w, const struct ptl_task *t, const char *state,
                      const struct result_error *error, struct str traceback,
                      int64_t date_done_us);

#endif
