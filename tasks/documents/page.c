/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "characters.h"

#define TITLE_CHARACTERS 100

static const char mark[] = "\n## Pagina ";
enum { MARK_BYTES = sizeof(mark) - 1 };

/* The number behind the mark's words, or 0. */
static uint32_t number_at(struct str text, size_t at)
{
    uint32_t number = 0;

    for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9'; at++)
        if (number < 100000000)
            number = number * 10 + (uint32_t)(text.p[at] - '0');
    return at < text.n && text.p[at] == '\n' ? number : 0;
}

size_t page_mark_after(struct str text, size_t from)
{
    while (from < text.n) {
        const char *at = memmem(text.p + from, text.n - from, mark, MARK_BYTES);
        if (!at)
            break;
        from = (size_t)(at - text.p);
        if (number_at(text, from + MARK_BYTES) > 0)
            return from;
        from++;
    }
    return text.n;
}

struct page_finder page_finder_of(struct str text)
{
    return (struct page_finder){.text = text, .next = page_mark_after(text, 0)};
}

uint32_t page_of_chunk(struct page_finder *f, const struct chunk *c)
{
    while (f->next <= c->byte && f->next < f->text.n) {
        f->page = number_at(f->text, f->next + MARK_BYTES);
        f->next = page_mark_after(f->text, f->next + 1);
    }
    if (f->page == 0 && f->next < c->byte + c->bytes)
        return number_at(f->text, f->next + MARK_BYTES);
    return f->page;
}

static struct str trim(struct str s)
{
    while (s.n > 0 && strchr(" \t\r", s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool is_title(struct str line)
{
    if (line.n >= 2 && memcmp(line.p, "##", 2) == 0)
        return true;
    return line.n > 0 && line.p[line.n - 1] != '.' &&
           (line.n < TITLE_CHARACTERS || characters_count(line) < TITLE_CHARACTERS);
}

struct str title_of_chunk(struct str chunk)
{
    for (size_t at = 0; at < chunk.n;) {
        const char *end = memchr(chunk.p + at, '\n', chunk.n - at);
        size_t n = end ? (size_t)(end - chunk.p) - at : chunk.n - at;
        struct str line = trim((struct str){chunk.p + at, n});
        at += n + 1;
        if (!is_title(line))
            continue;
        while (line.n > 0 && line.p[0] == '#') {
            line.p++;
            line.n--;
        }
        return trim(line);
    }
    return (struct str){0};
}
