/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 4096 /* of what arrives, decoded at a time */

void transcript_init(struct transcript *t, bool paged, uint64_t max)
{
    *t = (struct transcript){.paged = paged};
    t->max = max < SIZE_MAX / 4 ? (size_t)max : SIZE_MAX / 4;
    t->decoder.keep_form_feed = paged;
}

void transcript_finish(struct transcript *t)
{
    free(t->text);
    t->text = NULL;
    t->len = t->cap = 0;
}

/* Room for n more bytes and a NUL. */
static int reserve(struct transcript *t, size_t n)
{
    size_t need, cap = t->cap ? t->cap : 4096;
    char *grown;

    if (n > t->max - t->len)
        return -EFBIG;
    need = t->len + n + 1;
    while (cap < need)
        cap *= 2;
    if (cap == t->cap)
        return 0;
    grown = realloc(t->text, cap);
    if (!grown)
        return -ENOMEM;
    t->text = grown;
    t->cap = cap;
    return 0;
}

static int append(struct transcript *t, const char *bytes, size_t n)
{
    int error = reserve(t, n);

    if (error)
        return error;
    if (n)
        memcpy(t->text + t->len, bytes, n);
    t->len += n;
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static size_t leading_space(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && is_space(p[i]))
        i++;
    return i;
}

static int begin_page(struct transcript *t)
{
    char mark[40];
    int n = snprintf(mark, sizeof mark, "\n## Pagina %u\n\n", t->pages + 1);

    t->page_start = t->len;
    t->page_has_text = true;
    t->has_text = true;
    return append(t, mark, (size_t)n);
}

static int end_page(struct transcript *t)
{
    t->pages++;
    if (!t->page_has_text)
        return 0;
    t->page_has_text = false;
    while (t->len > t->page_start && is_space(t->text[t->len - 1]))
        t->len--;
    return append(t, "\n\n", 2);
}

/* A page's mark is written when its first letter comes, so that empty pages leave
 * nothing; only its line's own indentation before that letter is lost. */
static int add_to_page(struct transcript *t, const char *p, size_t n)
{
    if (!t->page_has_text) {
        size_t blank = leading_space(p, n);
        int error;

        if (blank == n)
            return 0;
        error = begin_page(t);
        if (error)
            return error;
        p += blank;
        n -= blank;
    }
    return append(t, p, n);
}

static int add_paged(struct transcript *t, const char *p, size_t n)
{
    int error = 0;

    while (n && !error) {
        const char *form_feed = memchr(p, '\f', n);
        size_t upto = form_feed ? (size_t)(form_feed - p) : n;

        error = add_to_page(t, p, upto);
        if (!error && form_feed)
            error = end_page(t);
        upto += form_feed != NULL;
        p += upto;
        n -= upto;
    }
    return error;
}

static int add_decoded(struct transcript *t, const char *p, size_t n)
{
    if (t->paged)
        return add_paged(t, p, n);
    t->has_text = t->has_text || leading_space(p, n) < n;
    return append(t, p, n);
}

int transcript_add(struct transcript *t, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    char decoded[TEXT_DECODED_MAX(PIECE)];

    while (n) {
        size_t piece = n < PIECE ? n : PIECE;
        size_t len = text_decode(&t->decoder, p, piece, decoded);
        int error = add_decoded(t, decoded, len);

        if (error)
            return error;
        p += piece;
        n -= piece;
    }
    return 0;
}

int transcript_end(struct transcript *t)
{
    char torn[TEXT_DECODED_MAX(0)];
    int error = add_decoded(t, torn, text_decode_end(&t->decoder, torn));

    if (!error && t->page_has_text)
        error = end_page(t);
    if (!error)
        error = reserve(t, 0);
    if (!error)
        t->text[t->len] = '\0';
    return error;
}
