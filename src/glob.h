/* SPDX-License-Identifier: Apache-2.0 */
/* glob - what Python's fnmatch.fnmatchcase says of a name.
 *
 * `*` any characters, `?` one, `[a-z]` one of these, `[!a-z]` one that is none of them;
 * a bracket that nobody closes is itself. Time is bounded by the product of the two
 * lengths, whatever the pattern. */
#ifndef PETIOLE_GLOB_H
#define PETIOLE_GLOB_H

#include "../protocol/str.h"

bool glob_matches(struct str pattern, struct str name);

#endif
