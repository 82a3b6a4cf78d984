/* SPDX-License-Identifier: Apache-2.0 */
#include "label.h"

#include "../../protocol/utf8.h"

struct str label_cut(struct str value)
{
    const char *nul = value.n ? memchr(value.p, '\0', value.n) : NULL;
    size_t n = nul ? (size_t)(nul - value.p) : value.n;
    if (n > LABEL_BYTES) {
        n = LABEL_BYTES;
        while (n > 0 && ((unsigned char)value.p[n] & 0xC0) == 0x80)
            n--; /* not in the middle of a character */
    }
    return (struct str){value.p, n};
}

static void put_valid(struct wr *out, const char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == '\\' || *p == '"')
            wr_put(out, (struct str){(char[]){'\\', *p}, 2});
        else if (*p == '\n')
            wr_text(out, "\\n");
        else
            wr_put(out, (struct str){p, 1});
}

void label_put(struct wr *out, const char *name, struct str value)
{
    const char *p = value.p, *end = value.p + value.n;
    if (out->len > 0 && out->p[out->len - 1] != '{')
        wr_text(out, ",");
    wr_text(out, name);
    wr_text(out, "=\"");
    while (p && p < end) {
        const char *valid = utf8_skip_valid(p, end);
        put_valid(out, p, valid);
        p = valid;
        if (p < end) {
            wr_text(out, "\xEF\xBF\xBD"); /* U+FFFD for each byte that is none */
            p++;
        }
    }
    wr_text(out, "\"");
}
