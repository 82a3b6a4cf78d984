/* SPDX-License-Identifier: Apache-2.0 */
#include "assets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char vocabulary_file[] = "cl100k_base.ptlv";
static const char model_file[] = "all-minilm-l6-v2.ptlm";

/* Where scripts/assets puts things, unless a setting names another copy. */
static const char *find(ptl_task *t, const char *setting, const char *file)
{
    const char *named = ptl_setting(t, setting), *assets = getenv("PETIOLE_ASSETS"),
               *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (named && *named)
        return named;
    if (assets && *assets)
        return ptl_strf(t, "%s/%s", assets, file);
    if (data && *data)
        return ptl_strf(t, "%s/petiole/%s", data, file);
    return ptl_strf(t, "%s/.local/share/petiole/%s", home ? home : "", file);
}

static bool is_there(ptl_task *t, const char *path, const char *what,
                     const char *setting)
{
    if (access(path, F_OK) == 0)
        return true;
    ptl_fail(t, "FileNotFoundError",
             "the %s %s is missing: scripts/assets fetches it, or set %s to a copy",
             what, path, setting);
    return false;
}

static void explain(ptl_task *t, int code, const char *why)
{
    ptl_fail(t, code == -ENOMEM ? "MemoryError" : "RuntimeError", "%s", why);
}

const struct vocabulary *assets_vocabulary(ptl_task *t)
{
    struct assets *assets = ptl_state(t);
    const char *path = find(t, "documents.vocabulary", vocabulary_file);
    char why[512];

    if (!path || assets->vocabulary)
        return assets->vocabulary;
    if (!is_there(t, path, "vocabulary", "documents.vocabulary"))
        return NULL;
    int code = vocabulary_open(&assets->vocabulary, path, why, sizeof(why));
    if (code < 0)
        explain(t, code, why);
    return assets->vocabulary;
}

struct embedder *assets_embedder(ptl_task *t)
{
    struct assets *assets = ptl_state(t);
    const char *path = find(t, "documents.model", model_file);
    char why[512];

    if (!path || assets->embedder)
        return assets->embedder;
    if (!is_there(t, path, "embedding model", "documents.model"))
        return NULL;
    int code = embedder_open(&assets->embedder, path, EMBEDDING_BEST, why, sizeof(why));
    if (code < 0)
        explain(t, code, why);
    return assets->embedder;
}
