/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_task - documents.chunk: the chunks themselves as the result. */
#include "chunk.h"
#include "documents.h"
#include "source.h"

static ptl_value *one(ptl_task *t, struct str text, const struct chunk *c)
{
    struct str s = chunk_str(text, c);

    return ptl_new_map(t, "text", ptl_new_strn(t, s.p, s.n), "start",
                       ptl_new_int(t, (int64_t)c->start), "end",
                       ptl_new_int(t, (int64_t)c->end), "tokens",
                       ptl_new_int(t, (int64_t)c->tokens), NULL);
}

ptl_value *documents_chunk(ptl_task *t)
{
    const ptl_value *argument = ptl_arg_value(t, "text");
    struct chunk_rule rule;
    struct chunk_list chunks;

    if (ptl_kind_of(argument) != PTL_STR)
        return ptl_fail(t, "TypeError", "text must be str");
    struct str text = source_text(t, argument);
    if (!chunk_rule_of_call(t, &rule) || !chunk_text(t, text, false, &rule, &chunks))
        return NULL;
    ptl_value *result = ptl_new_list(t);
    for (size_t i = 0; i < chunks.n; i++)
        ptl_list_add(t, result, one(t, text, &chunks.items[i]));
    return result;
}
