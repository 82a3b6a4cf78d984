/* SPDX-License-Identifier: Apache-2.0 */
/* index_file - what memvid's IndexManager.save writes as JSON: each chunk is a frame of
 * its own, and the configuration is memvid's default with this document's numbers. The
 * vectors, which memvid keeps in a file of the FAISS library, follow under a key of
 * their own, "vectors". */
#include "indented_json.h"
#include "store.h"

#include <stdio.h>

static void put_number(struct indented_json *j, const char *key, int64_t n)
{
    json_key(j, key);
    json_put_int(j, n);
}

static void put_text(struct indented_json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_put_text(j, text);
}

static void begin_object(struct indented_json *j, const char *key)
{
    json_key(j, key);
    json_begin(j, '{');
}

static void put_chunks(struct indented_json *j, const struct stored_document *d)
{
    json_key(j, "metadata");
    json_begin(j, '[');
    for (size_t i = 0; i < d->chunks->n; i++) {
        const struct chunk *c = &d->chunks->items[i];
        json_begin(j, '{');
        put_number(j, "id", (int64_t)i);
        json_key(j, "text");
        json_put_str(j, chunk_str(d->text, c));
        put_number(j, "frame", (int64_t)i);
        put_number(j, "length", (int64_t)(c->end - c->start));
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void put_frames(struct indented_json *j, size_t n)
{
    char key[24];

    begin_object(j, "chunk_to_frame");
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        put_number(j, key, (int64_t)i);
    }
    json_end(j, '}');
    begin_object(j, "frame_to_chunks");
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        json_key(j, key);
        json_begin(j, '[');
        json_put_int(j, (int64_t)i);
        json_end(j, ']');
    }
    json_end(j, '}');
}

static void put_video_config(struct indented_json *j)
{
    begin_object(j, "qr");
    put_number(j, "version", 35);
    put_text(j, "error_correction", "M");
    put_number(j, "box_size", 5);
    put_number(j, "border", 3);
    put_text(j, "fill_color", "black");
    put_text(j, "back_color", "white");
    json_end(j, '}');
    put_text(j, "codec", "h265");
}

static void put_chat_config(struct indented_json *j)
{
    begin_object(j, "llm");
    put_text(j, "model", "gemini-2.0-flash-exp");
    put_number(j, "max_tokens", 8192);
    json_key(j, "temperature");
    json_put_float(j, 0.1);
    put_number(j, "context_window", 32000);
    json_end(j, '}');
    begin_object(j, "chat");
    put_number(j, "max_history", 10);
    put_number(j, "context_chunks", 5);
    json_end(j, '}');
    begin_object(j, "performance");
    put_number(j, "prefetch_frames", 50);
    put_number(j, "decode_timeout", 10);
    json_end(j, '}');
}

static void put_config(struct indented_json *j, const struct stored_document *d)
{
    begin_object(j, "config");
    put_video_config(j);
    begin_object(j, "chunking");
    put_number(j, "chunk_size", (int64_t)d->rule->size);
    put_number(j, "overlap", (int64_t)d->rule->overlap);
    json_end(j, '}');
    begin_object(j, "retrieval");
    put_number(j, "top_k", 5);
    put_number(j, "batch_size", 100);
    put_number(j, "max_workers", 4);
    put_number(j, "cache_size", 1000);
    json_end(j, '}');
    begin_object(j, "embedding");
    put_text(j, "model", d->model);
    put_number(j, "dimension", (int64_t)d->dimension);
    json_end(j, '}');
    begin_object(j, "index");
    put_text(j, "type", "Flat");
    put_number(j, "nlist", 100);
    json_end(j, '}');
    put_chat_config(j);
    json_end(j, '}');
}

static void put_vectors(struct indented_json *j, const struct stored_document *d)
{
    size_t bytes = d->chunks->n * d->dimension * sizeof(*d->vectors);

    begin_object(j, "vectors");
    put_text(j, "encoding", "base64 of little-endian float32");
    put_number(j, "count", (int64_t)d->chunks->n);
    put_number(j, "dimension", (int64_t)d->dimension);
    json_key(j, "starts");
    json_begin(j, '[');
    for (size_t i = 0; i < d->chunks->n; i++)
        json_put_int(j, (int64_t)d->chunks->items[i].start);
    json_end(j, ']');
    json_key(j, "data");
    json_put_base64(j, (struct str){(const char *)d->vectors, bytes});
    json_end(j, '}');
}

void index_file_write(struct indented_json *j, const struct stored_document *d)
{
    json_begin(j, '{');
    put_chunks(j, d);
    put_frames(j, d->chunks->n);
    put_config(j, d);
    if (d->vectors)
        put_vectors(j, d);
    json_end(j, '}');
}
