/* SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"

#include "assets.h"
#include "documents.h"
#include "settings.h"
#include "source.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
    ptl_task *t;
    void (*done)(void *ctx, size_t done);
    void *ctx;
};

static bool go_on(void *ctx, size_t done)
{
    struct watch *w = ctx;

    if (w->done)
        w->done(w->ctx, done);
    return !ptl_cancelled(w->t);
}

const float *embed_texts(ptl_task *t, const struct str *texts, size_t n,
                         void (*done)(void *ctx, size_t done), void *ctx)
{
    struct embedder *embedder = assets_embedder(t);
    struct watch watch = {t, done, ctx};

    if (!embedder)
        return NULL;
    float *vectors = calloc(n ? n : 1, EMBEDDING_DIMENSION * sizeof(*vectors));
    if (!vectors)
        ptl_fail(t, "MemoryError", "no memory for %zu vectors", n);
    if (!vectors || !ptl_defer(t, free, vectors))
        return NULL;
    int status = embedder_run(embedder, texts, n, vectors, go_on, &watch);
    if (status == -ECANCELED)
        return NULL;
    if (status < 0)
        ptl_fail(t, "MemoryError", "no memory to embed %zu texts", n);
    return ptl_failed(t) ? NULL : vectors;
}

static struct str *read_texts(ptl_task *t, const ptl_value *list)
{
    size_t n = ptl_len(list), most = (size_t)setting_number(t, SETTING_MAX_TEXTS);

    if (n > most)
        ptl_fail(t, "ValueError",
                 "%zu texts are more than the setting documents.max_texts allows (%zu)",
                 n, most);
    struct str *texts = ptl_failed(t) ? NULL : ptl_alloc(t, (n + 1) * sizeof(*texts));
    for (size_t i = 0; i < n && texts; i++) {
        if (ptl_kind_of(ptl_at(list, i)) != PTL_STR)
            ptl_fail(t, "TypeError", "texts[%zu] must be str", i);
        texts[i] = source_text(t, ptl_at(list, i));
    }
    return ptl_failed(t) ? NULL : texts;
}

ptl_value *documents_embed(ptl_task *t)
{
    const ptl_value *list = ptl_arg_list(t, "texts");
    const struct str *texts = ptl_failed(t) ? NULL : read_texts(t, list);
    const float *vectors =
        texts ? embed_texts(t, texts, ptl_len(list), NULL, NULL) : NULL;

    if (!vectors)
        return NULL;
    ptl_value *result = ptl_new_list(t);
    for (size_t i = 0; i < ptl_len(list); i++)
        ptl_list_add(t, result,
                     ptl_new_floats(t, vectors + i * EMBEDDING_DIMENSION,
                                    EMBEDDING_DIMENSION));
    return result;
}
