/* SPDX-License-Identifier: Apache-2.0 */
#include "assets.h"
#include "characters.h"
#include "chunk.h"

/* Counts characters up to places that only rise, in one pass over the text. */
struct counter {
    struct str text;
    size_t byte, characters;
};

static size_t count_to(struct counter *c, size_t byte)
{
    c->characters +=
        characters_count((struct str){c->text.p + c->byte, byte - c->byte});
    c->byte = byte;
    return c->characters;
}

static size_t byte_before(const struct token_list *tokens, size_t token)
{
    return token == 0 ? 0 : tokens->ends[token - 1];
}

/* The last place at or before `token` that is between two characters. */
static size_t cut_at(const struct token_list *tokens, struct str text, size_t token)
{
    while (token > 0) {
        size_t byte = byte_before(tokens, token);
        if (byte >= text.n || character_begins(text.p[byte]))
            break;
        token--;
    }
    return token;
}

static bool cut(ptl_task *t, const struct token_list *tokens, struct str text,
                const struct chunk_rule *rule, struct chunk_list *out)
{
    struct counter starts = {.text = text}, ends = {.text = text};

    for (size_t first = 0, last = 0; last < tokens->n;
         first += rule->size - rule->overlap) {
        struct chunk *c = chunk_add(t, rule, out);
        if (!c)
            return false;
        last = first + rule->size < tokens->n ? first + rule->size : tokens->n;
        c->section = 1;
        c->token_start = cut_at(tokens, text, first);
        c->token_end = cut_at(tokens, text, last);
        c->tokens = c->token_end - c->token_start;
        c->byte = byte_before(tokens, c->token_start);
        c->bytes = byte_before(tokens, c->token_end) - c->byte;
        c->start = count_to(&starts, c->byte);
        c->end = count_to(&ends, c->byte + c->bytes);
    }
    out->characters = count_to(&ends, text.n);
    out->tokens = tokens->n;
    out->sections = out->n > 0;
    return true;
}

bool chunk_by_tokens(ptl_task *t, struct str text, const struct chunk_rule *rule,
                     struct chunk_list *out)
{
    const struct vocabulary *vocabulary = assets_vocabulary(t);
    struct token_list tokens = {0};
    bool done = false;

    if (!vocabulary)
        return false;
    if (tokens_encode(vocabulary, text, &tokens) < 0)
        ptl_fail(t, "MemoryError", "no memory for the tokens of %zu bytes", text.n);
    else
        done = cut(t, &tokens, text, rule, out);
    token_list_finish(&tokens);
    return done;
}
