/* SPDX-License-Identifier: Apache-2.0 */
/* chunk - a text cut into overlapping pieces, by tokens or by characters.
 *
 * Tokens (the default) are cl100k_base's, counted over the whole text: chunk i begins
 * at token i * (size - overlap) and has `size` tokens, the last one fewer. A cut that
 * would fall inside a character moves back to where the character begins.
 *
 * Characters are cut as the Python encoder `memvid_sections` cuts them: in sections of
 * about 50 000, and inside a section at a blank line or the end of a sentence. */
#ifndef DOCUMENTS_CHUNK_H
#define DOCUMENTS_CHUNK_H

#include "../../protocol/str.h"
#include "../kit/tokens/tokens.h"

#include <petiole/task.h>

enum chunk_unit {
    CHUNK_TOKENS,
    CHUNK_CHARACTERS,
};

struct chunk_rule {
    enum chunk_unit unit;
    size_t size, overlap; /* in units; overlap < size */
    size_t most;          /* chunks; more fail */
};

struct chunk {
    size_t byte, bytes;            /* of the text */
    size_t start, end;             /* the same in characters (code points) */
    size_t token_start, token_end; /* in tokens; both 0 when cut by characters */
    size_t tokens;                 /* or words, when cut by characters */
    size_t section;                /* from 1 */
};

struct chunk_list {
    struct chunk *items;
    size_t n, cap;
    size_t sections;
    size_t characters; /* of the text */
    size_t tokens;     /* of the text; words of all chunks when cut by characters */
};

/* Reads chunk_size?, overlap? and unit? of a call, else the settings. */
bool chunk_rule_of_call(ptl_task *t, struct chunk_rule *rule);

/* `paged`: the text has page marks, which sections respect. The list lives as long as
 * the task. False with a failure flagged: ValueError for too many chunks. */
bool chunk_text(ptl_task *t, struct str text, bool paged, const struct chunk_rule *rule,
                struct chunk_list *out);

static inline struct str chunk_str(struct str text, const struct chunk *c)
{
    return (struct str){text.p + c->byte, c->bytes};
}

/* What the two ways of cutting share: one more chunk, or a failure flagged. */
struct chunk *chunk_add(ptl_task *t, const struct chunk_rule *rule,
                        struct chunk_list *out);
bool chunk_by_tokens(ptl_task *t, struct str text, const struct chunk_rule *rule,
                     struct chunk_list *out);
bool chunk_by_characters(ptl_task *t, struct str text, bool paged,
                         const struct chunk_rule *rule, struct chunk_list *out);

#endif
