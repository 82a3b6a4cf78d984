/* SPDX-License-Identifier: Apache-2.0 */
/* pretty_json - JSON as json.dumps(value, sort_keys=True, indent=4) writes it. */
#ifndef PETIOLE_PRETTY_JSON_H
#define PETIOLE_PRETTY_JSON_H

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

/* w->bad if memory is out. The value is one that json_read made: its depth is bounded.
 */
void pretty_json(struct wr *w, const ptl_value *v);

#endif
