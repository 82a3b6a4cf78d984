/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_file - the keys of `memvid_sections`' metadata, in its order; in token mode
 * each chunk also says where it stands in tokens. */
#include "indented_json.h"
#include "page.h"
#include "store.h"

static void put_number(struct indented_json *j, const char *key, size_t n)
{
    json_key(j, key);
    json_put_int(j, (int64_t)n);
}

static void put_place(struct indented_json *j, const struct stored_document *d,
                      size_t index, uint32_t page)
{
    const struct chunk *c = &d->chunks->items[index];
    struct str title = title_of_chunk(chunk_str(d->text, c));

    put_number(j, "index", index);
    put_number(j, "start", c->start);
    put_number(j, "end", c->end);
    put_number(j, "length", c->end - c->start);
    if (title.n > 0) {
        json_key(j, "title");
        json_put_str(j, title);
    }
    if (page > 0)
        put_number(j, "page", page);
    put_number(j, "section", c->section);
    put_number(j, "total_sections", d->chunks->sections);
    if (d->rule->unit == CHUNK_TOKENS) {
        put_number(j, "token_start", c->token_start);
        put_number(j, "token_end", c->token_end);
        put_number(j, "tokens", c->tokens);
    }
}

static void put_chunks(struct indented_json *j, const struct stored_document *d)
{
    struct page_finder pages = page_finder_of(d->text);

    json_begin(j, '[');
    for (size_t i = 0; i < d->chunks->n; i++) {
        const struct chunk *c = &d->chunks->items[i];
        json_begin(j, '{');
        json_key(j, "text");
        json_put_str(j, chunk_str(d->text, c));
        json_key(j, "metadata");
        json_begin(j, '{');
        put_place(j, d, i, page_of_chunk(&pages, c));
        json_end(j, '}');
        json_end(j, '}');
    }
    json_end(j, ']');
}

void metadata_file_write(struct indented_json *j, const struct stored_document *d)
{
    json_begin(j, '{');
    json_key(j, "file");
    json_put_text(j, d->file);
    put_number(j, "chunk_size", d->rule->size);
    put_number(j, "overlap", d->rule->overlap);
    put_number(j, "chunks_count", d->chunks->n);
    put_number(j, "sections_count", d->chunks->sections);
    put_number(j, "total_text_length", d->chunks->characters);
    json_key(j, "processing_info");
    json_begin(j, '{');
    put_number(j, "max_chunks_setting", d->rule->most);
    json_key(j, "processing_time");
    json_put_float(j, d->seconds);
    json_end(j, '}');
    json_key(j, "chunks");
    put_chunks(j, d);
    json_end(j, '}');
}
