/* SPDX-License-Identifier: Apache-2.0 */
/* elected - what the winner of an election does: applies a signature, as
 * app.signature(action).apply_async() does. Nobody waits for the result. */
#ifndef PETIOLE_ELECTED_H
#define PETIOLE_ELECTED_H

#include "../list.h"

#include "../../protocol/str.h"

#define ELECTED_MAX 64u /* signatures on their way to the broker at once */

struct worker;

struct elected {
    struct worker *worker;
    struct list all; /* on their way */
    size_t n;
};

void elected_init(struct elected *e, struct worker *w);
/* With broker and backend destroyed. */
void elected_finish(struct elected *e);
/* action: a signature's JSON text, copied. What is wrong with it is logged. */
void elected_call(struct elected *e, struct str action);

#endif
