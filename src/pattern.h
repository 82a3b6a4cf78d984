/* SPDX-License-Identifier: Apache-2.0 */
/* pattern - names by glob (Python's fnmatch) or by regular expression (its re.match):
 * of tasks in task_routes, of nodes in the remote control. What backtracks beyond its
 * limits matches nothing. */
#ifndef PETIOLE_PATTERN_H
#define PETIOLE_PATTERN_H

#include "../protocol/arena.h"

struct pattern;

/* A text that begins with `re:` is a regular expression, which loads libpcre2; any
 * other a glob. NULL with *why, a line in the arena or static. */
struct pattern *pattern_read(struct arena *a, const char *text, const char **why);
/* A regular expression, without `re:`. */
struct pattern *pattern_read_regex(struct arena *a, const char *expression,
                                   const char **why);
bool pattern_matches(const struct pattern *p, const char *name);
/* Only for one that does not last as long as the process. NULL is none. */
void pattern_finish(struct pattern *p);

#endif
