/* SPDX-License-Identifier: Apache-2.0 */
/* program - composes the signature that a vector's "program" describes. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include "../../../protocol/canvas/build.h"

/* ["chain", [part, …]] and the like, see tests/golden/canvas/recorder.py. NULL with the
 * fault set, as the parts' functions do. */
ptl_value *program_build(struct canvas *c, const ptl_value *program);

#endif
