/* SPDX-License-Identifier: Apache-2.0 */
/* options - what a handler says with struct ptl_options, as apply_async's options. */
#ifndef PETIOLE_OPTIONS_H
#define PETIOLE_OPTIONS_H

#include "../../protocol/timestamp.h"
#include "task.h"

#define OPTIONS_MAX 20

/* The map and all it holds, so that sending takes none of the task's memory. */
struct options_map {
    ptl_value map, values[OPTIONS_MAX];
    struct value_pair pairs[OPTIONS_MAX];
    char eta[TIMESTAMP_TEXT], expires[TIMESTAMP_TEXT];
};

/* The map is good as long as `o` and `m` are. */
const ptl_value *options_as_map(const ptl_options *o, struct options_map *m);

#endif
