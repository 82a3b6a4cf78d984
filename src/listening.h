/* SPDX-License-Identifier: Apache-2.0 */
/* listening - the worker on the bus: which part hears what, and what is said when the
 * bus comes and goes. Tasks are fetched and run whether it is there or not. */
#ifndef PETIOLE_LISTENING_H
#define PETIOLE_LISTENING_H

#include "worker.h"

/* w->bus, unless neither the remote control nor events are wanted. Returns 0, or a
 * negative errno with one line in *e. */
int listening_create(struct worker *w, struct error *e);

#endif
