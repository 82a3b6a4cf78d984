/* SPDX-License-Identifier: Apache-2.0 */
/* build - composing signatures, as Celery's canvas does for those who write Python.
 *
 * Signatures that are handed in are own ones (signature.h), and belong to what is made
 * of them: each goes into one place. Lists likewise. Functions that return a pointer
 * return NULL, those that return bool false, with the fault set. */
#ifndef PROTOCOL_CANVAS_BUILD_H
#define PROTOCOL_CANVAS_BUILD_H

#include "signature.h"

/* As signature(task, args, kwargs, options); what is NULL is empty. */
ptl_value *canvas_signature(struct canvas *c, struct str task, const ptl_value *args,
                            const ptl_value *kwargs, const ptl_value *options,
                            bool immutable);
/* As group(tasks), chord(header, body). */
ptl_value *canvas_group(struct canvas *c, ptl_value *tasks);
ptl_value *canvas_chord(struct canvas *c, ptl_value *header, ptl_value *body);
/* As chain(tasks): chains within are unrolled, a group before a task becomes a chord.
 * What begins with nothing but a group is that group, or its chord. */
ptl_value *canvas_chain(struct canvas *c, const ptl_value *tasks);
/* As left | right. */
ptl_value *canvas_or(struct canvas *c, ptl_value *left, ptl_value *right);
/* As .set(**options): replaces options of the same name. */
bool canvas_set(struct canvas *c, ptl_value *sig, const ptl_value *options);
/* As .stamp(**stamps): on it, its tasks and callbacks; of a chord on the header. Stamps
 * that are there already stay, but for those of the same name. */
bool canvas_stamp(struct canvas *c, ptl_value *sig, const ptl_value *stamps);

/* What a running task's request says; NULL where it says nothing. */
struct canvas_request {
    const ptl_value *id, *root_id;
    const ptl_value *group, *group_index, *chord;
    const ptl_value *chain, *callbacks, *errbacks;
    int64_t replaced_task_nesting;
};
/* What Task.replace applies in the place of that task: it takes over the id, callbacks
 * and errbacks, the place in a group, and the rest of the chain. */
ptl_value *canvas_replacement(struct canvas *c, ptl_value *sig,
                              const struct canvas_request *request);
/* What Task.add_to_chord applies once the chord has been told to wait for one more. */
ptl_value *canvas_chord_member(struct canvas *c, ptl_value *sig,
                               const struct canvas_request *request);

#endif
