/* SPDX-License-Identifier: Apache-2.0 */
/* store - the two files that a document becomes:
 *
 *     {base}_sections_metadata.json    the chunks, as `memvid_sections` describes them
 *     {base}_sections_index.json       memvid's index, and the chunks' vectors
 *
 * Both are written under temporary names, flushed to disk and renamed, so that a reader
 * sees a whole file or the one before. */
#ifndef DOCUMENTS_STORE_H
#define DOCUMENTS_STORE_H

#include "chunk.h"
#include "roots.h"

struct stored_document {
    const char *file; /* what "file" says: the source's path or name */
    const char *base; /* of the outputs' names */
    struct str text;
    const struct chunk_rule *rule;
    const struct chunk_list *chunks;
    const float *vectors; /* one per chunk, or NULL */
    size_t dimension;
    const char *model;
    double seconds; /* spent so far */
};

struct stored_files {
    const char *metadata, *index; /* paths */
};

/* False with a failure flagged: OSError and its kind, MemoryError. */
bool store_document(ptl_task *t, const struct stored_document *d,
                    const struct opened *folder, struct stored_files *files);

/* The name without its extension, as os.path.splitext has it. */
const char *store_base_of(ptl_task *t, const char *name);

/* The contents, written by metadata_file.c and index_file.c. */
struct indented_json;
void metadata_file_write(struct indented_json *j, const struct stored_document *d);
void index_file_write(struct indented_json *j, const struct stored_document *d);

#endif
