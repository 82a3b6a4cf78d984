/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_characters - the cuts of `memvid_sections`, place for place, tail chunks
 * included: a section's last 200 characters come several times, each time shorter. */
#include "characters.h"
#include "chunk.h"
#include "page.h"

#define SECTION_CHARACTERS 50000
#define SECTION_PAGES 15
#define SECTION_CHUNKS 2000

/* A text without pages: 50 000 characters and on to the end of the line. */
static size_t section_of_lines(struct str text, size_t at)
{
    size_t end = characters_forward(text, at, SECTION_CHARACTERS);
    const char *line_end =
        end < text.n ? memchr(text.p + end, '\n', text.n - end) : NULL;

    return line_end ? (size_t)(line_end - text.p) + 1 : text.n;
}

/* Whole pages: as many as have 50 000 characters, and at most 15. */
static size_t section_of_pages(struct str text, size_t at)
{
    size_t end = at, characters = 0;

    for (int pages = 0; pages < SECTION_PAGES && end < text.n; pages++) {
        size_t next = page_mark_after(text, end + 1);
        characters += characters_count((struct str){text.p + end, next - end});
        if (pages > 0 && characters > SECTION_CHARACTERS)
            break;
        end = next;
    }
    return end;
}

/* The byte behind the last `mark` of the window, if it is far enough from its start. */
static size_t last_mark(struct str text, size_t at, size_t end, size_t least,
                        const char mark[2])
{
    for (size_t i = end; i >= at + 2; i--)
        if (memcmp(text.p + i - 2, mark, 2) == 0)
            return characters_count((struct str){text.p + at, i - 2 - at}) > least ? i
                                                                                   : 0;
    return 0;
}

static size_t chunk_end(struct str section, size_t at, const struct chunk_rule *rule)
{
    size_t end = characters_forward(section, at, rule->size);

    if (end == section.n)
        return end;
    size_t mark = last_mark(section, at, end, rule->overlap, "\n\n");
    if (mark == 0)
        mark = last_mark(section, at, end, rule->overlap, ". ");
    return mark ? mark : end;
}

static size_t next_start(struct str section, size_t at, size_t end,
                         const struct chunk_rule *rule)
{
    size_t next = characters_back(section, end, rule->overlap);

    return next > at ? next : characters_forward(section, at, (rule->size + 19) / 20);
}

/* `at` and `characters` say where in the text the section begins. */
static bool cut_section(ptl_task *t, struct str section, size_t at, size_t characters,
                        const struct chunk_rule *rule, struct chunk_list *out)
{
    size_t counted = 0;
    bool whole = characters_forward(section, 0, rule->size) == section.n;

    for (size_t i = 0, n = 0; i < section.n && n < SECTION_CHUNKS; n++) {
        struct chunk *c = chunk_add(t, rule, out);
        if (!c)
            return false;
        size_t end = chunk_end(section, i, rule);
        struct str text = {section.p + i, end - i};
        characters += characters_count((struct str){section.p + counted, i - counted});
        counted = i;
        *c = (struct chunk){.byte = at + i,
                            .bytes = text.n,
                            .start = characters,
                            .end = characters + characters_count(text),
                            .tokens = words_count(text),
                            .section = out->sections};
        out->tokens += c->tokens;
        i = whole ? section.n : next_start(section, i, end, rule);
    }
    return true;
}

bool chunk_by_characters(ptl_task *t, struct str text, bool paged,
                         const struct chunk_rule *rule, struct chunk_list *out)
{
    for (size_t at = 0, end; at < text.n; at = end) {
        end = paged ? section_of_pages(text, at) : section_of_lines(text, at);
        struct str section = {text.p + at, end - at};
        out->sections++;
        if (!cut_section(t, section, at, out->characters, rule, out))
            return false;
        out->characters += characters_count(section);
    }
    return true;
}
