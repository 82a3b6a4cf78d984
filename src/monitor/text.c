/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "../../protocol/utf8.h"

#include <stdio.h>
#include <wchar.h>

#define ELLIPSIS 0x2026u

struct glyph {
    char bytes[16];
    int n, columns;
};

static struct glyph escaped(uint32_t code)
{
    struct glyph g;
    if (code == '\n' || code == '\r' || code == '\t')
        g.n = snprintf(g.bytes, sizeof(g.bytes), "\\%c",
                       code == '\n'   ? 'n'
                       : code == '\r' ? 'r'
                                      : 't');
    else if (code < 0x100)
        g.n = snprintf(g.bytes, sizeof(g.bytes), "\\x%02x", code);
    else if (code < 0x10000)
        g.n = snprintf(g.bytes, sizeof(g.bytes), "\\u%04x", code);
    else
        g.n = snprintf(g.bytes, sizeof(g.bytes), "\\U%08x", code);
    g.columns = g.n;
    return g;
}

/* How wide it is depends on the locale: in "C" only ASCII has a width. */
static struct glyph next_glyph(struct str *s)
{
    const char *p = s->p;
    uint32_t code = utf8_next(&p, s->p + s->n);
    if (code == UTF8_BAD)
        code = (unsigned char)s->p[0];
    struct glyph g = {.columns =
                          utf8_is_surrogate(code) || (p == s->p + 1 && code > 0x7f)
                              ? -1
                              : wcwidth((wchar_t)code)};
    if (g.columns <= 0)
        g = escaped(code);
    else
        g.n = (int)utf8_put(g.bytes, code);
    s->n -= (size_t)(p - s->p);
    s->p = p;
    return g;
}

static void put_glyph(struct wr *w, const struct glyph *g)
{
    wr_put(w, (struct str){g->bytes, (size_t)g->n});
}

void text_put(struct wr *w, struct str s)
{
    while (s.n > 0) {
        struct glyph g = next_glyph(&s);
        put_glyph(w, &g);
    }
}

/* What fits into `columns`; the rest is left in *s. */
static int put_fitting(struct wr *w, struct str *s, int columns)
{
    int used = 0;
    while (s->n > 0) {
        struct str rest = *s;
        struct glyph g = next_glyph(&rest);
        if (used + g.columns > columns)
            break;
        put_glyph(w, &g);
        used += g.columns;
        *s = rest;
    }
    return used;
}

static bool fits(struct str s, int columns)
{
    while (s.n > 0 && columns >= 0)
        columns -= next_glyph(&s).columns;
    return columns >= 0;
}

static void put_cut_sign(struct wr *w)
{
    char bytes[4];
    if (wcwidth((wchar_t)ELLIPSIS) == 1)
        wr_put(w, (struct str){bytes, utf8_put(bytes, ELLIPSIS)});
    else
        wr_text(w, "~");
}

void text_field(struct wr *w, struct str s, int columns)
{
    if (columns <= 0)
        return;
    bool whole = fits(s, columns);
    int used = put_fitting(w, &s, whole ? columns : columns - 1);
    for (; used < columns - !whole; used++)
        wr_text(w, " ");
    if (!whole)
        put_cut_sign(w);
}

bool text_line(struct wr *w, struct str *s, int columns)
{
    if (s->n == 0)
        return false;
    const char *end = memchr(s->p, '\n', s->n);
    struct str line = {s->p, end ? (size_t)(end - s->p) : s->n};
    const char *begun = line.p;
    put_fitting(w, &line, columns);
    if (line.p == begun && line.n > 0) /* narrower than one character: go on anyhow */
        next_glyph(&line);
    size_t taken = (size_t)(line.p - begun) + (end && line.n == 0);
    s->p += taken;
    s->n -= taken;
    return true;
}
