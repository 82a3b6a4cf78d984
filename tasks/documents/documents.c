/* SPDX-License-Identifier: Apache-2.0 */
/* documents - text out of files, chunks out of text, vectors out of chunks. */
#include "documents.h"

#include "assets.h"

#include <errno.h>
#include <stdlib.h>

static int open_module(void **state)
{
    *state = calloc(1, sizeof(struct assets));
    return *state ? 0 : -ENOMEM;
}

static void close_module(void *state)
{
    struct assets *assets = state;

    vocabulary_close(assets->vocabulary);
    if (assets->embedder)
        embedder_close(assets->embedder);
    free(assets);
}

/* Encoding acknowledges late: running it again writes the same files, so a worker that
 * was killed half way costs a repeat and not the document. A document that kills its
 * child is not put back (that would kill the next child): it fails with
 * WorkerLostError. The others answer a caller who waits, and keep Celery's defaults. */
static const ptl_def tasks[] = {
    {.name = "documents.encode",
     .params = "source output? chunk_size? overlap? unit? embed? format?",
     .run = documents_encode,
     .summary = "A file or text to chunks and vectors, stored as two JSON files",
     .flags = PTL_ACKS_LATE},
    {.name = "documents.chunk",
     .params = "text chunk_size? overlap? unit?",
     .run = documents_chunk,
     .summary = "The chunks of a text, with their places"},
    {.name = "documents.embed",
     .params = "texts",
     .run = documents_embed,
     .summary = "One unit vector per text"},
    {.name = "documents.search",
     .params = "index query k?",
     .run = documents_search,
     .summary = "The chunks of a stored index that are nearest to a question"},
};
PTL_MODULE("documents", tasks, open_module, close_module);
