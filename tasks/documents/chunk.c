/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk.h"

#include "settings.h"

#include <inttypes.h>
#include <stdlib.h>

static enum chunk_unit unit_of_call(ptl_task *t)
{
    const char *setting = ptl_setting(t, "documents.unit");
    const char *unit = ptl_arg_str_or(t, "unit", setting ? setting : "tokens");

    if (unit && strcmp(unit, "chars") == 0)
        return CHUNK_CHARACTERS;
    if (unit && strcmp(unit, "tokens") != 0)
        ptl_fail(t, "ValueError", "unit must be 'tokens' or 'chars', not '%s'", unit);
    return CHUNK_TOKENS;
}

bool chunk_rule_of_call(ptl_task *t, struct chunk_rule *rule)
{
    rule->unit = unit_of_call(t);
    rule->size =
        (size_t)setting_number_or_argument(t, SETTING_CHUNK_SIZE, "chunk_size");
    rule->overlap = (size_t)setting_number_or_argument(t, SETTING_OVERLAP, "overlap");
    rule->most = (size_t)setting_number(t, SETTING_MAX_CHUNKS);
    /* A character has up to four tokens: with fewer from chunk to chunk, cuts that move
     * back would not advance. */
    if (!ptl_failed(t) && rule->overlap + 8 > rule->size)
        ptl_fail(t, "ValueError",
                 "overlap (%zu) must be at least 8 less than chunk_size (%zu)",
                 rule->overlap, rule->size);
    return !ptl_failed(t);
}

struct chunk *chunk_add(ptl_task *t, const struct chunk_rule *rule,
                        struct chunk_list *out)
{
    if (out->n == rule->most) {
        ptl_fail(
            t, "ValueError",
            "the text makes more than %zu chunks; the setting documents.max_chunks "
            "allows more",
            rule->most);
        return NULL;
    }
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        struct chunk *items = ptl_alloc(t, cap * sizeof(*items));
        if (!items)
            return NULL;
        if (out->n > 0)
            memcpy(items, out->items, out->n * sizeof(*items));
        out->items = items;
        out->cap = cap;
    }
    return &out->items[out->n++];
}

bool chunk_text(ptl_task *t, struct str text, bool paged, const struct chunk_rule *rule,
                struct chunk_list *out)
{
    *out = (struct chunk_list){0};
    return rule->unit == CHUNK_TOKENS ? chunk_by_tokens(t, text, rule, out)
                                      : chunk_by_characters(t, text, paged, rule, out);
}
