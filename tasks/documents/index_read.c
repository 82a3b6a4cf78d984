/* SPDX-License-Identifier: Apache-2.0 */
#include "index_read.h"

#include "roots.h"
#include "settings.h"

#include "../../protocol/base64.h"
#include "../../protocol/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void finish_arena(void *arena)
{
    arena_finish(arena);
}

/* The whole file; an empty slice with a failure flagged. */
static struct str read_file(ptl_task *t, const struct opened *file)
{
    int64_t most = setting_number(t, SETTING_MAX_INDEX_BYTES);
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return roots_fail(t, file->path), (struct str){0};
    if (st.st_size > most) {
        ptl_fail(t, "ValueError",
                 "%s: %" PRId64
                 " bytes are more than the setting documents.max_index_bytes allows",
                 file->name, (int64_t)st.st_size);
        return (struct str){0};
    }
    size_t size = (size_t)st.st_size, n = 0;
    char *text = malloc(size + 1);
    if (!text)
        ptl_fail(t, "MemoryError", "no memory to read %s", file->name);
    if (!text || !ptl_defer(t, free, text))
        return (struct str){0};
    while (n < size) {
        ssize_t got = read(file->fd, text + n, size - n);
        if (got < 0 && errno != EINTR)
            return roots_fail(t, file->path), (struct str){0};
        if (got == 0)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    return (struct str){text, n};
}

/* JSON needs more memory than its text has bytes, by how much depends on the text. */
static struct arena *make_arena(ptl_task *t, size_t text_bytes)
{
    struct arena *arena = ptl_alloc(t, sizeof(*arena));

    if (!arena)
        return NULL;
    arena_init(arena, 8 * text_bytes + (1 << 20));
    return ptl_defer(t, finish_arena, arena) ? arena : NULL;
}

static bool fault(ptl_task *t, const struct opened *file, const char *why)
{
    ptl_fail(t, "ValueError", "%s is no index with vectors: %s", file->name, why);
    return false;
}

static bool take_vectors(ptl_task *t, const struct opened *file, struct arena *arena,
                         const ptl_value *vectors, struct index *out)
{
    int64_t n = value_as_int(value_get(vectors, "count"), -1);
    int64_t dimension = value_as_int(value_get(vectors, "dimension"), -1);

    if (n < 0 || (size_t)n != value_len(out->chunks))
        return fault(t, file, "its counts differ");
    if (dimension < 1 || dimension > 65536)
        return fault(t, file, "its dimension is not a dimension");
    struct str text = value_as_str(value_get(vectors, "data"));
    struct str data = text.p ? base64_decode(arena, text) : text;
    if (!data.p || data.n != (size_t)n * (size_t)dimension * sizeof(float))
        return fault(t, file, "its data is not as long as it says");
    float *copy = arena_alloc(arena, data.n ? data.n : 1); /* aligned */
    if (!copy)
        return fault(t, file, "it takes too much memory");
    memcpy(copy, data.p, data.n);
    out->n = (size_t)n;
    out->dimension = (size_t)dimension;
    out->vectors = copy;
    out->starts = value_get(vectors, "starts");
    return true;
}

bool index_read(ptl_task *t, const char *path, struct index *out)
{
    struct opened file;
    struct json_error error = {0};

    if (!roots_open_file(t, ROOTS_WRITE, path, &file))
        return false;
    struct str text = read_file(t, &file);
    struct arena *arena = text.p ? make_arena(t, text.n) : NULL;
    if (!arena)
        return false;
    const ptl_value *root = json_read(arena, text, 0, &json_default_limits, &error);
    if (!root)
        return fault(t, &file,
                     error.out_of_memory ? "it takes too much memory" : error.what);
    *out = (struct index){.chunks = value_get(root, "metadata")};
    if (value_kind(out->chunks) != PTL_LIST)
        return fault(t, &file, "it has no chunks");
    if (value_kind(value_get(root, "vectors")) != PTL_MAP)
        return fault(t, &file, "it was made without embedding");
    return take_vectors(t, &file, arena, value_get(root, "vectors"), out);
}

struct str index_text(const struct index *index, size_t i)
{
    struct str text = value_as_str(value_get(value_at(index->chunks, i), "text"));

    return text.p ? text : STR("");
}

int64_t index_start(const struct index *index, size_t i)
{
    return value_as_int(value_at(index->starts, i), -1);
}
