/* SPDX-License-Identifier: Apache-2.0 */
/* text - what others wrote, so that a terminal shows it and does nothing else.
 *
 * Control characters, what has no width and what is no UTF-8 are written as Python's
 * repr writes them: an event can neither move the cursor nor forge a line. */
#ifndef PETIOLE_MONITOR_TEXT_H
#define PETIOLE_MONITOR_TEXT_H

#include "../../protocol/buf.h"

/* All of it. */
void text_put(struct wr *w, struct str s);
/* As much as fits; fills up with spaces, or ends with a sign that something is cut off.
 */
void text_field(struct wr *w, struct str s, int columns);
/* The next piece of *s, at most `columns` wide and up to the end of its line; *s goes
 * on behind it. False: there is none. */
bool text_line(struct wr *w, struct str *s, int columns);

#endif
