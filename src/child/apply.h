/* SPDX-License-Identifier: Apache-2.0 */
/* apply - signatures, as a task calls them: the canvas' hooks on its behalf.
 *
 * What it calls while it runs is on its way at once; what follows from its outcome is
 * kept with that (task_effect). */
#ifndef PETIOLE_APPLY_H
#define PETIOLE_APPLY_H

#include "task.h"

/* Ready for canvas_apply and its like. */
struct canvas apply_canvas(struct ptl_task *t);
/* Applies it as .apply_async(args, **options) does, and adds it to `children`. The
 * tuple that is listed there; NULL with a failure flagged. */
const ptl_value *apply_signature(struct ptl_task *t, const ptl_value *sig,
                                 const ptl_value *args, const ptl_value *options);
/* Flags the canvas' fault as the task's failure, unless one is flagged. */
void apply_flag(struct ptl_task *t, const struct canvas *c);

#endif
