/* SPDX-License-Identifier: Apache-2.0 */
/* builtin - the tasks that every Celery worker has, whatever its application.
 *
 *     builtin.c          the table; accumulate, chain, backend_cleanup, ping
 *     builtin_map.c      map, starmap: another task of this worker, once for each item
 *     builtin_canvas.c   chunks, group, chord: what they are given is applied
 *     builtin_unlock.c   chord_unlock
 *
 * Where Python's return a result object, which its serializers then refuse, these
 * return the tuple by which result_from_tuple makes it anew. */
#ifndef PETIOLE_BUILTIN_H
#define PETIOLE_BUILTIN_H

#include "task.h"

bool builtin_load(struct module_table *t, struct module_error *e);

/* Runs another row's handler for this task, here and now, as Python calls a task like a
 * function: the request stays this task's. What it returned; NULL if it flagged
 * something, a retry being a failure then. */
const ptl_value *builtin_call(struct ptl_task *t, const struct module_row *row,
                              const ptl_value *args, const ptl_value *kwargs);
/* What a for loop over it yields, as a list: items, keys, characters. NULL with
 * TypeError flagged. */
const ptl_value *builtin_items(struct ptl_task *t, const ptl_value *v);

ptl_value *builtin_map(ptl_task *t);
ptl_value *builtin_starmap(ptl_task *t);
ptl_value *builtin_chunks(ptl_task *t);
ptl_value *builtin_group(ptl_task *t);
ptl_value *builtin_chord(ptl_task *t);
ptl_value *builtin_chord_unlock(ptl_task *t);

#endif
