/* SPDX-License-Identifier: Apache-2.0 */
/* part - the outcome of one part of a chord, as its backend counts it:
 * [1, id, state, result]. */
#ifndef PETIOLE_PART_H
#define PETIOLE_PART_H

#include "../../protocol/result.h"
#include "task.h"

struct part {
    struct str id, group;
    int64_t group_index; /* -1: none */
    const char *state;
    const ptl_value *result;          /* of SUCCESS */
    const struct result_error *error; /* else */
};

/* True, having done nothing, if it belongs to no group. False with a failure flagged.
 */
bool part_return(struct ptl_task *t, const struct part *p);
/* Of the task itself. */
bool part_return_own(struct ptl_task *t, const char *state, const ptl_value *result,
                     const struct result_error *error);
/* Of the task that a signature makes. */
bool part_return_other(struct ptl_task *t, const ptl_value *sig, const char *state,
                       const struct result_error *error);

#endif
