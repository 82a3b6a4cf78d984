/* SPDX-License-Identifier: Apache-2.0 */
/* pretend - a canvas whose calls are noted as lines of JSON, with ids that count up. */
#ifndef TESTS_PRETEND_H
#define TESTS_PRETEND_H

#include "../../../protocol/buf.h"
#include "../../../protocol/canvas/canvas.h"

struct pretend {
    struct arena arena;
    struct canvas canvas;
    struct wr noted; /* one line for each call of a hook */
    unsigned ids, calls;
};

void pretend_start(struct pretend *p);
void pretend_finish(struct pretend *p);
/* Values from JSON in which ' stands for ". NULL text is NULL. */
const ptl_value *pretend_value(struct pretend *p, const char *text);
/* Applies; what was noted before is forgotten. The result as JSON, "fault" if there is
 * one. */
const char *pretend_apply(struct pretend *p, const char *sig, const char *args,
                          const char *options);
const char *pretend_noted(struct pretend *p);

#endif
