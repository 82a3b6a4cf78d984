/* SPDX-License-Identifier: Apache-2.0 */
/* help - lists of options, for people, within 80 columns. */
#ifndef PETIOLE_CONFIG_HELP_H
#define PETIOLE_CONFIG_HELP_H

#include <stdio.h>

#define HELP_COLUMNS 80

/* Breaks text between words; the line has `column` columns already, those that follow
 * begin at `indent`. Ends the line. */
void help_wrap(FILE *to, const char *text, int indent, int column);
/* "  NAMES   text", the text from `indent` on, and on the next line if NAMES is long.
 */
void help_row(FILE *to, const char *names, const char *text, int indent);
/* "  -a, --args JSON": letter 0 and metavar NULL if there is none. */
void help_names(char *out, size_t size, char letter, const char *name,
                const char *metavar);

#endif
