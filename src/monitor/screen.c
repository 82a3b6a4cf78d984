/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_BYTES 16384
/* Another page of the terminal, without a cursor, without going on in the next line. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

bool screen_can(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
           strcmp(term, "dumb") != 0;
}

static void write_all(struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(STDOUT_FILENO, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return; /* the terminal is gone: its hang-up follows */
        s.p += n > 0 ? n : 0;
        s.n -= n > 0 ? (size_t)n : 0;
    }
}

void screen_init(struct screen *s, bool colors)
{
    *s = (struct screen){.colors = colors};
    for (size_t i = 0; i < SCREEN_ROWS_MAX; i++) {
        wr_init(&s->lines[i], LINE_BYTES);
        wr_init(&s->shown[i], LINE_BYTES);
    }
    wr_init(&s->beyond, LINE_BYTES);
}

bool screen_open(struct screen *s)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &s->before) < 0)
        return false;
    raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return false;
    s->open = true;
    write_all(STR(ENTER));
    screen_forget(s);
    return true;
}

void screen_close(struct screen *s)
{
    if (!s->open)
        return;
    s->open = false;
    write_all(STR(LEAVE));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &s->before);
}

void screen_finish(struct screen *s)
{
    screen_close(s);
    for (size_t i = 0; i < SCREEN_ROWS_MAX; i++) {
        wr_finish(&s->lines[i]);
        wr_finish(&s->shown[i]);
    }
    wr_finish(&s->beyond);
}

void screen_forget(struct screen *s)
{
    for (size_t i = 0; i < SCREEN_ROWS_MAX; i++)
        s->shown[i].bad = true;
}

static int within(int n, int least, int most)
{
    return n < least ? least : n > most ? most : n;
}

void screen_begin(struct screen *s)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    int rows = within(size.ws_row, 1, SCREEN_ROWS_MAX);
    int columns = within(size.ws_col, 1, SCREEN_COLUMNS_MAX);
    if (rows != s->rows || columns != s->columns)
        screen_forget(s);
    s->rows = rows;
    s->columns = columns;
    s->next = 0;
}

struct wr *screen_line(struct screen *s)
{
    struct wr *w = s->next < s->rows ? &s->lines[s->next++] : &s->beyond;
    wr_reset(w);
    return w;
}

static bool is_same(const struct wr *a, const struct wr *b)
{
    return !a->bad && !b->bad && str_eq(wr_str(a), wr_str(b));
}

void screen_end(struct screen *s)
{
    struct wr out;
    while (s->next < s->rows)
        screen_line(s);
    wr_init(&out, (size_t)SCREEN_ROWS_MAX * LINE_BYTES);
    for (int i = 0; i < s->rows; i++) {
        if (is_same(&s->lines[i], &s->shown[i]))
            continue;
        /* erased first: behind a full line the cursor still stands on its last cell */
        wr_printf(&out, "\033[%d;1H\033[0m\033[K", i + 1);
        wr_put(&out, wr_str(&s->lines[i]));
        wr_text(&out, "\033[0m");
        struct wr drawn = s->lines[i];
        s->lines[i] = s->shown[i];
        s->shown[i] = drawn;
    }
    write_all(wr_str(&out));
    wr_finish(&out);
}

void screen_style(const struct screen *s, struct wr *w, const char *style)
{
    if (s->colors || strcmp(style, "1") == 0 || strcmp(style, "7") == 0)
        wr_printf(w, "\033[%sm", style);
}

void screen_plain(struct wr *w)
{
    wr_text(w, "\033[0m");
}
