/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "pretty_json.h"

/* ---- Text of a stranger --------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\n' || c == '\t';
}

/* C1 controls, U+0080 to U+009F, act on terminals like ESC; a lone surrogate is no
 * text at all. */
static bool is_hidden_pair(const unsigned char *p, size_t left)
{
    return left > 1 &&
           ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0));
}

static void put_text(struct wr *w, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        if (is_hidden_pair(p + i, s.n - i)) {
            bool is_surrogate = p[i] == 0xed;
            wr_text(w, is_surrogate ? "?" : "");
            if (!is_surrogate)
                wr_printf(w, "\\x%02x", p[i + 1]);
            i += is_surrogate && s.n - i > 2 ? 3 : 2;
        } else if (is_plain(p[i])) {
            wr_u8(w, p[i++]);
        } else {
            wr_printf(w, "\\x%02x", p[i++]);
        }
    }
}

void reply_write_str(struct wr *w, const ptl_value *v)
{
    if (value_kind(v) == PTL_STR)
        put_text(w, v->u.s);
    else
        pyrepr(w, v);
}

/* ---- Bodies ------------------------------------------------------------------- */

static void put_colored(struct wr *w, const struct reply_style *style, const char *code,
                        struct str text)
{
    if (style->colors)
        wr_printf(w, "\033[%sm", code);
    put_text(w, text);
    if (style->colors)
        wr_text(w, "\033[0m");
}

static void put_list(struct wr *w, const struct reply_style *style, const ptl_value *v)
{
    if (value_len(v) == 0)
        wr_text(w, "- empty -");
    for (size_t i = 0; i < value_len(v); i++) {
        if (i > 0)
            wr_text(w, "\n");
        put_colored(w, style, "37", STR("*"));
        wr_text(w, " ");
        reply_write_str(w, value_at(v, i));
    }
}

static void put_plain(struct wr *w, const struct reply_style *style, const ptl_value *v)
{
    if (value_kind(v) == PTL_LIST)
        put_list(w, style, v);
    else if (value_kind(v) == PTL_MAP)
        pretty_json(w, v);
    else
        reply_write_str(w, v);
}

/* Every line of `text` moved to the right, as celery.utils.text.indent does. */
static void put_indented(struct wr *w, struct str text, unsigned columns)
{
    const char *end = text.p + text.n;
    for (const char *line = text.p; line;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        wr_printf(w, "%*s", (int)columns, "");
        wr_put(w, (struct str){line, (size_t)((next ? next : end) - line)});
        wr_text(w, "\n");
        line = next ? next + 1 : NULL;
    }
}

/* The result in what is {"ok": result} or {"error": why}; nested ones lose their
 * wrappers one by one, and move to the right by each. */
static const ptl_value *unwrap(const ptl_value *v, unsigned *columns, bool *failed)
{
    *failed = false;
    for (bool first = true; value_kind(v) == PTL_MAP; first = false) {
        const ptl_value *ok = value_get(v, "ok"), *error = value_get(v, "error");
        if (!ok && !error)
            break;
        if (first)
            *failed = !ok;
        v = ok ? ok : error;
        *columns += 4;
    }
    return v;
}

void reply_write(struct wr *w, const struct reply_style *style, struct str node,
                 const ptl_value *reply)
{
    unsigned columns = 4;
    bool failed;
    struct wr name, body;
    const ptl_value *v = unwrap(reply, &columns, &failed);

    wr_init(&name, w->max);
    wr_init(&body, w->max);
    wr_printf(&name, STR_FMT ": ", STR_ARG(node));
    if (!style->quiet)
        put_colored(w, style, "37;1", STR("-> "));
    wr_text(w, " ");
    put_colored(w, style, "36;1", wr_str(&name));
    put_colored(w, style, failed ? "31;1" : "32;1", failed ? STR("ERROR") : STR("OK"));
    wr_text(w, "\n");
    if (!style->names_only) {
        put_plain(&body, style, v);
        put_indented(w, wr_str(&body), columns);
    }
    w->bad |= name.bad || body.bad;
    wr_finish(&name);
    wr_finish(&body);
}
