/* SPDX-License-Identifier: Apache-2.0 */
/* encode - text to tokens: the pieces of the text one after the other. */
#include "bpe.h"
#include "pieces.h"
#include "replace.h"

#include <errno.h>
#include <stdlib.h>

static int encode_piece(const struct vocabulary *v, struct bpe_scratch *scratch,
                        const uint8_t *p, size_t n, uint32_t at, struct token_list *out)
{
    uint32_t id = vocabulary_find(v, p, n);

    if (id == VOCABULARY_NONE)
        return bpe_encode(v, scratch, p, n, at, out);
    if (!token_list_reserve(out, 1))
        return -ENOMEM;
    out->ids[out->n] = id;
    out->ends[out->n++] = at + (uint32_t)n;
    return 0;
}

static int encode_valid(const struct vocabulary *v, struct str text,
                        struct token_list *out)
{
    const uint8_t *p = (const uint8_t *)text.p;
    struct bpe_scratch scratch = {0};
    int status = 0;

    for (size_t at = 0, n; at < text.n && status == 0; at += n) {
        n = piece_next(p + at, text.n - at);
        status = encode_piece(v, &scratch, p + at, n, (uint32_t)at, out);
    }
    bpe_scratch_finish(&scratch);
    return status;
}

/* From places in the replaced text to places in the text as it came. A token that ends
 * inside a replacement ends, for the caller, behind the bytes that were replaced. */
static void map_ends(struct str text, struct token_list *out, size_t first)
{
    const uint8_t *p = (const uint8_t *)text.p;
    size_t from = 0, to = 0;

    for (size_t i = first; i < out->n; i++) {
        while (to < out->ends[i]) {
            bool valid;
            size_t n = replace_next(p + from, text.n - from, &valid);
            size_t grown = valid ? n : 3;
            if (valid && out->ends[i] - to < n) /* inside a sound character */
                break;
            from += n;
            to += grown;
        }
        size_t inside = out->ends[i] > to ? out->ends[i] - to : 0;
        out->ends[i] = (uint32_t)(from + inside);
    }
}

int tokens_encode(const struct vocabulary *v, struct str text, struct token_list *out)
{
    if (text.n > UINT32_MAX / 3)
        return -ENOMEM; /* places in the text are 32 bits wide */
    if (replace_is_clean(text))
        return encode_valid(v, text, out);

    struct str replaced = replace_broken(text);
    if (!replaced.p)
        return -ENOMEM;
    size_t first = out->n;
    int status = encode_valid(v, replaced, out);
    free((char *)replaced.p);
    if (status == 0)
        map_ends(text, out, first);
    return status;
}

void token_list_finish(struct token_list *list)
{
    free(list->ids);
    free(list->ends);
    *list = (struct token_list){0};
}
