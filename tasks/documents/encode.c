/* SPDX-License-Identifier: Apache-2.0 */
/* encode - documents.encode: read, cut, embed, store; and tell how far it is. */
#include "assets.h"
#include "chunk.h"
#include "documents.h"
#include "embed.h"
#include "extraction.h"
#include "language.h"
#include "roots.h"
#include "source.h"
#include "store.h"

#include <time.h>

struct job {
    struct source source;
    struct chunk_rule rule;
    bool embed;
    double begun_s;

    struct opened file;   /* unless the source is a text */
    bool has_folder;      /* nothing is stored for a text without an output */
    struct opened folder; /* for the outputs */

    struct extracted document;
    struct chunk_list chunks;
    const float *vectors;
    struct stored_files stored;
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool tell(ptl_task *t, int progress, const char *status)
{
    ptl_set_state(t, "PROCESSING",
                  ptl_new_map(t, "status", ptl_new_str(t, status), "progress",
                              ptl_new_int(t, progress), NULL));
    return !ptl_cancelled(t) && !ptl_failed(t);
}

struct embedding_progress {
    ptl_task *t;
    size_t n;
    int told; /* each whole number is told once */
};

/* Embedding rises from 30 to 80. */
static void tell_embedded(void *ctx, size_t done)
{
    struct embedding_progress *p = ctx;
    int progress = (int)(30 + 50 * done / p->n);

    if (progress <= p->told)
        return;
    p->told = progress;
    tell(p->t, progress, ptl_strf(p->t, "Embedding %zu/%zu", done, p->n));
}

static bool open_output(ptl_task *t, struct job *job)
{
    const char *output = ptl_arg_str_or(t, "output", NULL);

    if (!output && job->source.path)
        output = roots_folder_of(t, job->file.path);
    else if (output)
        output = source_path(t, output);
    if (ptl_failed(t))
        return false;
    job->has_folder = output != NULL;
    return !output || roots_open_folder(t, ROOTS_WRITE, output, &job->folder);
}

/* Whatever can be refused is refused before the work begins. */
static bool prepare(ptl_task *t, struct job *job)
{
    job->begun_s = now_s();
    job->embed = ptl_arg_bool_or(t, "embed", true);
    if (!source_of_argument(t, &job->source) || !chunk_rule_of_call(t, &job->rule))
        return false;
    if (job->source.path &&
        !roots_open_file(t, ROOTS_READ, job->source.path, &job->file))
        return false;
    return open_output(t, job) &&
           (job->rule.unit != CHUNK_TOKENS || assets_vocabulary(t)) &&
           (!job->embed || assets_embedder(t));
}

static bool read_document(ptl_task *t, struct job *job)
{
    if (!tell(t, 10, "Reading file"))
        return false;
    if (!job->source.path)
        return tell(t, 20, "Extracting text") &&
               extraction_of_text(t, job->source.name, job->source.text,
                                  &job->document);
    return tell(t, 20, "Extracting text") &&
           extraction_of_file(t, &job->file, &job->document);
}

static bool cut_document(ptl_task *t, struct job *job)
{
    return tell(t, 30, "Chunking") &&
           chunk_text(t, job->document.text, job->document.pages > 0, &job->rule,
                      &job->chunks);
}

static bool embed_chunks(ptl_task *t, struct job *job)
{
    if (!job->embed)
        return true;
    size_t n = job->chunks.n;
    struct str *texts = ptl_alloc(t, n * sizeof(*texts));
    for (size_t i = 0; i < n && texts; i++)
        texts[i] = chunk_str(job->document.text, &job->chunks.items[i]);
    struct embedding_progress progress = {.t = t, .n = n, .told = 30};
    job->vectors = texts ? embed_texts(t, texts, n, tell_embedded, &progress) : NULL;
    return job->vectors != NULL;
}

static bool store(ptl_task *t, struct job *job)
{
    if (!tell(t, 80, "Saving metadata"))
        return false;
    if (!job->has_folder)
        return true;
    const char *name = job->source.path ? job->file.name : job->source.name;
    struct stored_document d = {
        .file = job->source.path ? job->file.path : job->source.name,
        .base = store_base_of(t, name ? name : "text"),
        .text = job->document.text,
        .rule = &job->rule,
        .chunks = &job->chunks,
        .vectors = job->vectors,
        .dimension = EMBEDDING_DIMENSION,
        .model = ASSETS_MODEL_NAME,
        .seconds = now_s() - job->begun_s,
    };
    return d.base && store_document(t, &d, &job->folder, &job->stored);
}

static ptl_value *text_or_none(ptl_task *t, const char *text)
{
    return text ? ptl_new_str(t, text) : ptl_new_null(t);
}

static ptl_value *result_of(ptl_task *t, const struct job *job)
{
    const char *name = job->source.path ? job->file.name : job->source.name;
    int64_t dimension = job->vectors ? EMBEDDING_DIMENSION : 0;

    return ptl_new_map(t, "success", ptl_new_bool(t, true), "document",
                       text_or_none(t, name), "chunks",
                       ptl_new_int(t, (int64_t)job->chunks.n), "tokens",
                       ptl_new_int(t, (int64_t)job->chunks.tokens), "characters",
                       ptl_new_int(t, (int64_t)job->chunks.characters), "pages",
                       ptl_new_int(t, job->document.pages), "language",
                       ptl_new_str(t, language_of(job->document.text, &job->chunks)),
                       "dimension", ptl_new_int(t, dimension), "model",
                       text_or_none(t, job->vectors ? ASSETS_MODEL_NAME : NULL),
                       "metadata_file", text_or_none(t, job->stored.metadata),
                       "index_file", text_or_none(t, job->stored.index), NULL);
}

ptl_value *documents_encode(ptl_task *t)
{
    struct job job = {0};

    if (!prepare(t, &job) || !read_document(t, &job) || !cut_document(t, &job) ||
        !embed_chunks(t, &job) || !store(t, &job) || !tell(t, 100, "Complete"))
        return NULL;
    return result_of(t, &job);
}
