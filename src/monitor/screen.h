/* SPDX-License-Identifier: Apache-2.0 */
/* screen - a terminal that is drawn line by line.
 *
 * The handful of ECMA-48 sequences that it needs is what every terminal over ssh
 * understands; a terminal that calls itself dumb is not drawn on. Only lines that
 * changed are written. */
#ifndef PETIOLE_MONITOR_SCREEN_H
#define PETIOLE_MONITOR_SCREEN_H

#include "../../protocol/buf.h"

#include <termios.h>

#define SCREEN_ROWS_MAX 400
#define SCREEN_COLUMNS_MAX 1000

struct screen {
    int rows, columns;
    bool open, colors;
    struct termios before; /* what the terminal was */
    struct wr lines[SCREEN_ROWS_MAX], shown[SCREEN_ROWS_MAX];
    int next;         /* the line that comes */
    struct wr beyond; /* what is drawn below the last */
};

/* Are both ends a terminal that can be drawn on? */
bool screen_can(void);
void screen_init(struct screen *s, bool colors);
/* False: the terminal does not let itself be set; errno tells why. */
bool screen_open(struct screen *s);
/* As it was before; may be opened again. */
void screen_close(struct screen *s);
void screen_finish(struct screen *s);
/* The next screen_end writes all lines. */
void screen_forget(struct screen *s);

/* Asks for the size; then the next line as often as there is one to draw. */
void screen_begin(struct screen *s);
struct wr *screen_line(struct screen *s);
static inline int screen_left(const struct screen *s)
{
    return s->rows - s->next;
}
void screen_end(struct screen *s);

/* "1" bold, "7" reversed, "31" red …; nothing without colours, but for these two. */
void screen_style(const struct screen *s, struct wr *w, const char *style);
void screen_plain(struct wr *w);

#endif
