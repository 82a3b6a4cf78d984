/* SPDX-License-Identifier: Apache-2.0 */
/* join - the results of a chord's parts, or why its body is never called. */
#ifndef PETIOLE_JOIN_H
#define PETIOLE_JOIN_H

#include "../../protocol/result.h"
#include "task.h"

struct joined {
    const ptl_value *results;  /* a list, nested as the chord's header was */
    struct result_error error; /* a ChordError … */
    struct result_error cause; /* … and the failure of a part that made it */
    bool failed;
};

/* Reads what the parts left behind. False with the error filled. */
bool join_gather(struct ptl_task *t, struct str group, struct joined *j);
/* The same of results that a group's tuple names, as celery.chord_unlock has it. False:
 * one of them is not there yet. */
bool join_poll(struct ptl_task *t, const ptl_value *nodes, struct joined *j);
/* Says why: "Join error: ValueError('x')". */
void joined_fail(struct ptl_task *t, struct joined *j, const char *what,
                 const char *kind, struct str text);
/* The body will never run: its errbacks, its stored failure, and what waits behind. */
void join_fail(struct ptl_task *t, struct str group, const ptl_value *body,
               const struct joined *j);

#endif
