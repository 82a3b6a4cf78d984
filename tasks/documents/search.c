/* SPDX-License-Identifier: Apache-2.0 */
/* search - documents.search: a question against every vector of one stored index. */
#include "assets.h"
#include "characters.h"
#include "documents.h"
#include "embed.h"
#include "index_read.h"
#include "source.h"

#include <math.h>

#define MOST_HITS 1000

struct hit {
    double score;
    size_t chunk;
};

/* NaN for vectors without a direction. */
static double cosine(const float *a, const float *b, size_t n)
{
    double dot = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return dot / sqrt(aa * bb);
}

/* Keeps the k best, best first; of equals the earlier chunk. */
static size_t insert(struct hit *hits, size_t n, size_t k, struct hit hit)
{
    size_t at = n;

    while (at > 0 && hits[at - 1].score < hit.score)
        at--;
    if (at == k)
        return n;
    if (n < k)
        n++;
    memmove(hits + at + 1, hits + at, (n - at - 1) * sizeof(*hits));
    hits[at] = hit;
    return n;
}

static ptl_value *describe(ptl_task *t, const struct index *index, struct hit hit)
{
    struct str text = index_text(index, hit.chunk);
    int64_t start = index_start(index, hit.chunk);
    int64_t length = (int64_t)characters_count(text);
    bool placed = start >= 0 && start <= INT64_MAX - length;

    return ptl_new_map(t, "score", ptl_new_float(t, hit.score), "text",
                       ptl_new_strn(t, text.p, text.n), "index",
                       ptl_new_int(t, (int64_t)hit.chunk), "start",
                       placed ? ptl_new_int(t, start) : ptl_new_null(t), "end",
                       placed ? ptl_new_int(t, start + length) : ptl_new_null(t), NULL);
}

static ptl_value *best_of(ptl_task *t, const struct index *index, const float *query,
                          size_t k)
{
    struct hit *hits = ptl_alloc(t, k * sizeof(*hits));
    ptl_value *result = ptl_new_list(t);
    size_t n = 0;

    for (size_t i = 0; i < index->n && hits; i++) {
        double score =
            cosine(query, index->vectors + i * index->dimension, index->dimension);
        if (isfinite(score))
            n = insert(hits, n, k, (struct hit){score, i});
    }
    for (size_t i = 0; i < n; i++)
        ptl_list_add(t, result, describe(t, index, hits[i]));
    return result;
}

ptl_value *documents_search(ptl_task *t)
{
    const char *argument = ptl_arg_str(t, "index");
    const ptl_value *query = ptl_arg_value(t, "query");
    int64_t k = ptl_arg_int_or(t, "k", 5);
    struct index index;

    if (ptl_kind_of(query) != PTL_STR)
        ptl_fail(t, "TypeError", "query must be str");
    if (k < 1 || k > MOST_HITS)
        ptl_fail(t, "ValueError", "k must be from 1 to %d", MOST_HITS);
    const char *path = ptl_failed(t) ? NULL : source_path(t, argument);
    if (!path || !index_read(t, path, &index))
        return NULL;
    if (index.dimension != EMBEDDING_DIMENSION)
        return ptl_fail(t, "ValueError",
                        "%s has vectors of dimension %zu; those of %s have %d", path,
                        index.dimension, ASSETS_MODEL_NAME, EMBEDDING_DIMENSION);
    struct str text = source_text(t, query);
    const float *vector = embed_texts(t, &text, 1, NULL, NULL);
    return vector ? best_of(t, &index, vector, (size_t)k) : NULL;
}
