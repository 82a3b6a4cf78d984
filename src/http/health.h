/* SPDX-License-Identifier: Apache-2.0 */
/* health - what the probes ask.
 *
 *     live    this loop turns, and no child hangs in a way that only a restart ends.
 *             Never a matter of the broker: restarting a worker does not bring that
 * back ready   it takes tasks and runs them now */
#ifndef PETIOLE_HEALTH_H
#define PETIOLE_HEALTH_H

#include "../../protocol/buf.h"

#include <stdbool.h>

struct worker;

/* Each appends one line, the answer: "ok", or why not. */
bool health_is_live(const struct worker *w, struct wr *out);
bool health_is_ready(const struct worker *w, struct wr *out);
/* "takes tasks", or why not; it lives as long as the program. */
const char *health_status(const struct worker *w);

#endif
