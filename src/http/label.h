/* SPDX-License-Identifier: Apache-2.0 */
/* label - text from anywhere as a label's value in Prometheus' text form, version
 * 0.0.4: valid UTF-8 between quotes, at most LABEL_BYTES of it. */
#ifndef PETIOLE_LABEL_H
#define PETIOLE_LABEL_H

#include "../../protocol/buf.h"

#define LABEL_BYTES 200u

/* What of it is shown: up to a NUL, and not more than LABEL_BYTES. */
struct str label_cut(struct str value);
/* name="value", with a comma before it unless it is the first behind `{`. */
void label_put(struct wr *out, const char *name, struct str value);

#endif
