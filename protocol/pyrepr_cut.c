/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr_cut - celery.utils.saferepr: three levels deep, and no longer than asked.
 *
 * The value is a stream of tokens. When the characters are used up, the next token
 * that is no closing bracket ends it with ", ..." and the brackets that are open. */
#include "pyrepr.h"
#include "pyrepr_text.h"
#include "utf8.h"

#define LEVELS 3

struct printer {
    struct wr *w;
    size_t left; /* characters */
    int depth;
    struct {
        const ptl_value *v;
        size_t next;
        const char *closing;
    } open[LEVELS];
};

static void spend(struct printer *p, size_t chars)
{
    p->left -= chars < p->left ? chars : p->left;
}

static void put_token(struct printer *p, const char *text)
{
    wr_text(p->w, text);
    spend(p, strlen(text));
}

/* At most max_chars of s. If that may not be all, *cut is set and the last word left
 * out, which is how celery.utils.text.truncate does it. */
static struct str truncate_text(struct str s, size_t max_chars, bool *cut)
{
    const char *p = s.p, *end = s.p + s.n;
    size_t chars = 0;

    for (; p < end && chars < max_chars; chars++)
        utf8_next(&p, end);
    *cut = chars == max_chars;
    if (!*cut)
        return s;
    s.n = (size_t)(p - s.p);
    const char *space = s.n ? memrchr(s.p, ' ', s.n) : NULL;
    if (space)
        s.n = (size_t)(space - s.p);
    return s;
}

/* Between single quotes, with a backslash before quotes only. But what is not printable
 * is escaped here: this text goes into log lines. */
static void put_quoted(struct printer *p, struct str shown, bool cut)
{
    const char *end = shown.p + shown.n;
    size_t chars = 2;

    wr_put(p->w, STR("'"));
    for (const char *c = shown.p; c < end; chars++) {
        uint32_t code = utf8_next(&c, end);
        if (code == '\'') {
            wr_put(p->w, STR("\\"));
            chars++;
        }
        pyrepr_put_code(p->w, code);
    }
    wr_text(p->w, cut ? "...'" : "'");
    spend(p, cut ? chars + 3 : chars);
}

static void put_str(struct printer *p, struct str s)
{
    bool cut;
    struct str shown = truncate_text(s, p->left, &cut);

    put_quoted(p, shown, cut);
}

/* As text if they are UTF-8, else in hexadecimal. */
static void put_bytes(struct printer *p, struct str s)
{
    bool cut = s.n > p->left;
    struct str shown = {s.p, cut ? p->left : s.n};

    put_token(p, "b");
    if (utf8_valid(shown)) {
        put_quoted(p, shown, cut);
        return;
    }
    wr_put(p->w, STR("'"));
    for (size_t i = 0; i < shown.n; i++)
        wr_printf(p->w, "%02x", (unsigned char)shown.p[i]);
    wr_text(p->w, cut ? "...'" : "'");
    spend(p, 2 * shown.n + 2);
}

static void put_plain(struct printer *p, const ptl_value *v)
{
    size_t start = p->w->len;
    bool cut;

    pyrepr_put_plain(p->w, v);
    if (p->w->bad)
        return;
    struct str all = {p->w->p + start, p->w->len - start};
    struct str shown = truncate_text(all, p->left, &cut);
    p->w->len = start + shown.n;
    if (cut)
        wr_text(p->w, "...");
    spend(p, cut ? shown.n + 3 : shown.n);
}

static void put_leaf(struct printer *p, const ptl_value *v)
{
    if (value_kind(v) == PTL_STR)
        put_str(p, v->u.s);
    else if (value_kind(v) == PTL_BYTES)
        put_bytes(p, v->u.s);
    else
        put_plain(p, v);
}

/* ", ..." and the brackets that are open; nothing is printed after that. */
static void stop(struct printer *p)
{
    wr_text(p->w, ", ...");
    while (p->depth)
        wr_text(p->w, p->open[--p->depth].closing);
}

static void open_container(struct printer *p, const ptl_value *v, bool tuple)
{
    const char *opening = v->kind == PTL_MAP ? "{" : tuple ? "(" : "[";
    const char *closing = v->kind == PTL_MAP ? "}"
                          : !tuple           ? "]"
                          : v->u.list.n == 1 ? ",)"
                                             : ")";

    put_token(p, opening);
    if (p->depth == LEVELS) {
        put_token(p, "...");
        put_token(p, closing);
        return;
    }
    p->open[p->depth].v = v;
    p->open[p->depth].next = 0;
    p->open[p->depth++].closing = closing;
}

/* Prints what stands before the next child of the innermost container and returns the
 * child; NULL when there is none: it was closed, or everything was. */
static const ptl_value *next_child(struct printer *p)
{
    const ptl_value *v = p->open[p->depth - 1].v;
    size_t i = p->open[p->depth - 1].next++;

    if (i == value_len(v)) {
        put_token(p, p->open[--p->depth].closing);
        return NULL;
    }
    if (i > 0 && p->left)
        put_token(p, ", ");
    if (v->kind == PTL_LIST)
        return v->u.list.items[i];
    if (p->left)
        put_str(p, v->u.map.pairs[i].key);
    if (p->left)
        put_token(p, ": ");
    return v->u.map.pairs[i].value;
}

static void print(struct wr *w, const ptl_value *v, size_t max_chars, bool tuple)
{
    struct printer p = {.w = w, .left = max_chars};

    while (!w->bad) {
        if (!p.left) {
            stop(&p);
            return;
        }
        if (value_kind(v) == PTL_LIST || value_kind(v) == PTL_MAP)
            open_container(&p, v, tuple && p.depth == 0);
        else
            put_leaf(&p, v);
        for (v = NULL; p.depth && !v;)
            v = next_child(&p);
        if (!v)
            return;
    }
}

void pyrepr_cut(struct wr *w, const ptl_value *v, size_t max_chars)
{
    print(w, v, max_chars, false);
}

void pyrepr_args(struct wr *w, const ptl_value *list, size_t max_chars)
{
    print(w, list, max_chars, true);
}
