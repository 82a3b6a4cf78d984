/* SPDX-License-Identifier: Apache-2.0 */
/* wordpiece - text to word pieces, id for id as Hugging Face's BERT tokenizer
 * (uncased): clean, blanks around ideographs, decompose and drop marks, lower case,
 * split at blanks and punctuation, then the longest pieces greedily from the left.
 *
 * The text is read as a stream, a word at a time, in time linear in its length whatever
 * it holds, and need not be valid UTF-8: broken bytes vanish, as the replacement
 * characters would that a Python caller's decode puts there. */
#ifndef KIT_WORDPIECE_H
#define KIT_WORDPIECE_H

#include "../../../protocol/str.h"
#include "model.h"

struct wordpiece {
    const struct model *model;
    struct str rest;                  /* of the text */
    uint32_t pending[MODEL_WORD_MAX]; /* pieces of the last word not yet handed out */
    size_t next, n;                   /* pending[next .. n) */
};

/* The text and the model are borrowed. */
void wordpiece_init(struct wordpiece *w, const struct model *model, struct str text);
/* The next ids, at most cap of them, without [CLS] and [SEP]; fewer only at the end. */
size_t wordpiece_read(struct wordpiece *w, uint32_t *ids, size_t cap);

#endif
