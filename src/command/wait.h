/* SPDX-License-Identifier: Apache-2.0 */
/* wait - until the results of what was called are there, as AsyncResult.get waits.
 *
 * On a terminal a line of stderr shows how it stands, with what a task says of its
 * progress. The value goes to stdout; a failure ends the waiting, and goes to
 * stderr as its traceback. */
#ifndef PETIOLE_WAIT_H
#define PETIOLE_WAIT_H

#include "caller.h"
#include "results.h"

#include <stdio.h>

struct wait_options {
    double seconds; /* 0: for ever */
    bool json; /* one object with id, status, result and traceback, whatever came */
    /* The value of a success; NULL: foreground_print. */
    void (*print)(FILE *to, const ptl_value *v);
};

/* `tuple`: of a task [[id, null], null], of a group [[id, null], [tuple, …]]. Returns
 * the exit code: EXIT_NO_REPLY when the time is over. */
int wait_for(struct caller *c, struct results *r, const ptl_value *tuple,
             const struct wait_options *options);

#endif
