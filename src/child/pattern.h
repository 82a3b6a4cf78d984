/* SPDX-License-Identifier: Apache-2.0 */
/* pattern - task names by glob (Python's fnmatch) or by regular expression. */
#ifndef PETIOLE_PATTERN_H
#define PETIOLE_PATTERN_H

#include "../../protocol/arena.h"

struct pattern;

/* A text that begins with `re:` is a regular expression, which loads libpcre2; any
 * other a glob. NULL with *why, a line in the arena or static. */
struct pattern *pattern_read(struct arena *a, const char *text, const char **why);
bool pattern_matches(const struct pattern *p, const char *name);

#endif
