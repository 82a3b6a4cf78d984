/* SPDX-License-Identifier: Apache-2.0 */
#include "wordpiece.h"

#include "wordpiece_tables.h"

#define BROKEN UINT32_MAX

/* The word being collected: normalised, as UTF-8. Beyond the limit only its length
 * matters, so it takes no more room. */
struct word {
    char p[MODEL_WORD_MAX * 4];
    size_t n, characters;
};

/* One code point off the front, BROKEN for a byte that begins none. */
static uint32_t take_code(struct str *s)
{
    const unsigned char *p = (const unsigned char *)s->p;
    uint32_t first = p[0], code, least;
    size_t n;
    if (first < 0x80)
        code = first, n = 1, least = 0;
    else if (first >= 0xc2 && first < 0xe0)
        code = first & 0x1f, n = 2, least = 0x80;
    else if (first >= 0xe0 && first < 0xf0)
        code = first & 0x0f, n = 3, least = 0x800;
    else if (first >= 0xf0 && first < 0xf5)
        code = first & 0x07, n = 4, least = 0x10000;
    else
        code = BROKEN, n = 1, least = 0;
    bool whole = code != BROKEN && n <= s->n;
    for (size_t i = 1; whole && i < n; i++) {
        whole = (p[i] & 0xc0) == 0x80;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (!whole || code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        code = BROKEN, n = 1;
    s->p += n;
    s->n -= n;
    return code;
}

static void put_code(struct word *word, uint32_t code)
{
    if (word->characters++ >= MODEL_WORD_MAX)
        return;
    char *p = word->p + word->n;
    if (code < 0x80) {
        p[0] = (char)code;
        word->n += 1;
    } else if (code < 0x800) {
        p[0] = (char)(0xc0 | code >> 6);
        p[1] = (char)(0x80 | (code & 0x3f));
        word->n += 2;
    } else if (code < 0x10000) {
        p[0] = (char)(0xe0 | code >> 12);
        p[1] = (char)(0x80 | (code >> 6 & 0x3f));
        p[2] = (char)(0x80 | (code & 0x3f));
        word->n += 3;
    } else {
        p[0] = (char)(0xf0 | code >> 18);
        p[1] = (char)(0x80 | (code >> 12 & 0x3f));
        p[2] = (char)(0x80 | (code >> 6 & 0x3f));
        p[3] = (char)(0x80 | (code & 0x3f));
        word->n += 4;
    }
}

static void put_hangul(struct word *word, uint32_t code)
{
    uint32_t s = code - 0xac00;
    put_code(word, 0x1100 + s / 588);
    put_code(word, 0x1161 + s % 588 / 28);
    if (s % 28 != 0)
        put_code(word, 0x11a7 + s % 28);
}

static uint32_t entry_of(uint32_t code)
{
    if (code == BROKEN)
        return WORDPIECE_DROP;
    return wordpiece_entries[wordpiece_index[code / WORDPIECE_BLOCK] * WORDPIECE_BLOCK +
                             code % WORDPIECE_BLOCK];
}

static bool stands_alone(uint32_t entry)
{
    return entry == WORDPIECE_ALONE ||
           (entry >= WORDPIECE_SEQUENCE &&
            wordpiece_sequences[entry - WORDPIECE_SEQUENCE] & WORDPIECE_ALONE_BIT);
}

static void put_entry(struct word *word, uint32_t code, uint32_t entry)
{
    if (entry == WORDPIECE_KEEP || entry == WORDPIECE_ALONE) {
        put_code(word, code);
    } else if (entry == WORDPIECE_HANGUL) {
        put_hangul(word, code);
    } else if (entry >= WORDPIECE_SEQUENCE) {
        const uint32_t *s = &wordpiece_sequences[entry - WORDPIECE_SEQUENCE];
        for (uint32_t i = 1; i <= (s[0] & ~WORDPIECE_ALONE_BIT); i++)
            put_code(word, s[i]);
    }
}

/* The reference takes these names for the tokens themselves, wherever they stand in a
 * text and before anything else looks at it. */
static uint32_t take_special(const struct model_header *h, struct str *rest)
{
    const struct {
        struct str name;
        uint32_t id;
    } specials[] = {
        {STR("[PAD]"), h->pad}, {STR("[UNK]"), h->unknown}, {STR("[CLS]"), h->start},
        {STR("[SEP]"), h->end}, {STR("[MASK]"), h->mask},
    };
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        struct str name = specials[i].name;
        if (name.n <= rest->n && memcmp(rest->p, name.p, name.n) == 0) {
            rest->p += name.n;
            rest->n -= name.n;
            return specials[i].id;
        }
    }
    return TRIE_NONE;
}

/* The longest piece the trie has at p, walking from slot `from`. */
static size_t longest_piece(const struct trie_slot *trie, uint32_t from, const char *p,
                            size_t n, uint32_t *id)
{
    size_t longest = 0;
    uint32_t slot = from;
    for (size_t i = 0; i < n; i++) {
        uint32_t next = trie[slot].base + (unsigned char)p[i];
        if (trie[next].parent != slot)
            break;
        slot = next;
        if (trie[slot].id != TRIE_NONE) {
            *id = trie[slot].id;
            longest = i + 1;
        }
    }
    return longest;
}

/* A word with any stretch that no piece matches is unknown as a whole. */
static void cut_into_pieces(struct wordpiece *w, const struct word *word)
{
    const struct model_header *h = w->model->header;
    w->n = 0;
    for (size_t at = 0; at < word->n && word->characters <= MODEL_WORD_MAX;) {
        uint32_t id;
        size_t n = longest_piece(w->model->trie, at == 0 ? 0 : h->continuation,
                                 word->p + at, word->n - at, &id);
        if (n == 0 || w->n == MODEL_WORD_MAX) {
            w->n = 0;
            break;
        }
        w->pending[w->n++] = id;
        at += n;
    }
    if (w->n == 0)
        w->pending[w->n++] = h->unknown;
}

/* Collects up to the end of a word. Returns the id of a special token met instead. */
static uint32_t take_word(struct wordpiece *w, struct word *word)
{
    word->n = word->characters = 0;
    while (w->rest.n > 0) {
        struct str rest = w->rest;
        uint32_t special =
            *rest.p == '[' ? take_special(w->model->header, &rest) : TRIE_NONE;
        if (special != TRIE_NONE && word->characters > 0)
            break; /* it is taken next time */
        if (special != TRIE_NONE) {
            w->rest = rest;
            return special;
        }
        uint32_t code = take_code(&rest), entry = entry_of(code);
        bool alone = stands_alone(entry);
        if (alone && word->characters > 0)
            break;
        w->rest = rest;
        if (entry == WORDPIECE_SPACE && word->characters > 0)
            break;
        if (entry != WORDPIECE_SPACE)
            put_entry(word, code, entry);
        if (alone)
            break;
    }
    return TRIE_NONE;
}

/* Pieces of the next word into pending; false at the end of the text. */
static bool refill(struct wordpiece *w)
{
    struct word word;
    uint32_t special = take_word(w, &word);
    w->next = w->n = 0;
    if (special != TRIE_NONE)
        w->pending[w->n++] = special;
    else if (word.characters > 0)
        cut_into_pieces(w, &word);
    return w->n > 0;
}

void wordpiece_init(struct wordpiece *w, const struct model *model, struct str text)
{
    w->model = model;
    w->rest = text;
    w->next = w->n = 0;
}

size_t wordpiece_read(struct wordpiece *w, uint32_t *ids, size_t cap)
{
    size_t n = 0;
    while (n < cap && (w->next < w->n || refill(w)))
        ids[n++] = w->pending[w->next++];
    return n;
}
