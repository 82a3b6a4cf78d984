/* SPDX-License-Identifier: Apache-2.0 */
/* read_text - the helper's work on a text file: what is it, and its text to stdout. */
#ifndef EXTRACT_READ_TEXT_H
#define EXTRACT_READ_TEXT_H

#include "helper.h"

/* Reads fd 0, writes fd 1, says on fd 2 what is wrong. */
enum helper_exit read_text(void);

#endif
