/* SPDX-License-Identifier: Apache-2.0 */
#include "embedding.h"

#include "kernels.h"
#include "model.h"
#include "wordpiece.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PIECES = MODEL_WINDOW - 2, /* in a window, beside [CLS] and [SEP] */
    GROUP_WINDOWS = 128,       /* sorted by length together */
};

struct window {
    uint32_t text; /* the group's */
    uint16_t length;
    uint32_t ids[MODEL_WINDOW];
};

/* A text some of whose windows are in the group. */
struct passage {
    float *vector;  /* sum of its windows' so far */
    size_t waiting; /* windows in the group not yet run */
    bool read;      /* to its end */
};

/*
 * texts[0 .. done)     have their vectors
 * texts[done .. next)  are in the group, the last of them perhaps in part
 */
struct group {
    struct window windows[GROUP_WINDOWS];
    uint16_t order[GROUP_WINDOWS]; /* longest window first */
    size_t n;
    struct passage passages[GROUP_WINDOWS];
    size_t n_passages;
    struct wordpiece reader; /* of the last text */
    bool reading;
};

struct embedder {
    struct model model;
    const struct kernel_set *set;
    struct work *work;
    struct batch batch;
    struct group group;
};

int embedder_open_with(struct embedder **out, const char *path,
                       const struct kernel_set *set, char *why, size_t why_size)
{
    size_t work_bytes = (sizeof(struct work) + set->scratch_bytes + 63) / 64 * 64;
    struct embedder *e = calloc(1, sizeof(*e));
    if (e)
        e->work = aligned_alloc(64, work_bytes);
    if (!e || !e->work) {
        embedder_close(e);
        snprintf(why, why_size, "cannot open the embedding model %s: out of memory",
                 path);
        return -ENOMEM;
    }
    e->set = set;
    int r = model_open(&e->model, path, why, why_size);
    if (r < 0) {
        embedder_close(e);
        return r;
    }
    *out = e;
    return 0;
}

int embedder_open(struct embedder **out, const char *path, enum embedding_path kernels,
                  char *why, size_t why_size)
{
    const struct kernel_set *set = kernels_choose(kernels, why, why_size);
    return set ? embedder_open_with(out, path, set, why, why_size) : -ENOTSUP;
}

void embedder_close(struct embedder *e)
{
    if (!e)
        return;
    model_close(&e->model);
    free(e->work);
    free(e);
}

const char *embedder_path_name(const struct embedder *e)
{
    return e->set->name;
}

/* The text's next window into the group; false if there is none. A text without any
 * piece still is a window: of [CLS] and [SEP]. */
static bool read_window(struct group *g, const struct model_header *h, bool first)
{
    struct window *w = &g->windows[g->n];
    size_t n = wordpiece_read(&g->reader, w->ids + 1, PIECES);
    if (n == 0 && !first)
        return false;
    w->ids[0] = h->start;
    w->ids[n + 1] = h->end;
    w->length = (uint16_t)(n + 2);
    w->text = (uint32_t)(g->n_passages - 1);
    g->passages[w->text].waiting++;
    g->n++;
    return true;
}

static void add_passage(struct group *g, float *vector)
{
    g->passages[g->n_passages++] = (struct passage){.vector = vector};
}

static void start_text(struct embedder *e, struct str text, float *vector)
{
    struct group *g = &e->group;
    memset(vector, 0, EMBEDDING_DIMENSION * sizeof(float));
    wordpiece_init(&g->reader, &e->model, text);
    add_passage(g, vector);
    read_window(g, e->model.header, true);
    g->reading = true;
}

/* Fills the group with windows of texts[*next ..), going on where the last stopped. */
static void fill_group(struct embedder *e, const struct str *texts, size_t n,
                       float *vectors, size_t *next)
{
    struct group *g = &e->group;
    g->n = g->n_passages = 0;
    if (g->reading)
        add_passage(g, vectors + (*next - 1) * EMBEDDING_DIMENSION);
    while (g->n < GROUP_WINDOWS) {
        if (g->reading && read_window(g, e->model.header, false))
            continue;
        if (g->reading)
            g->passages[g->n_passages - 1].read = true;
        g->reading = false;
        if (*next == n || g->n_passages == GROUP_WINDOWS)
            break;
        start_text(e, texts[*next], vectors + *next * EMBEDDING_DIMENSION);
        ++*next;
    }
}

static int longer_first(const void *a, const void *b, void *windows)
{
    const struct window *w = windows;
    uint16_t i = *(const uint16_t *)a, j = *(const uint16_t *)b;
    if (w[i].length != w[j].length)
        return w[i].length > w[j].length ? -1 : 1;
    return i < j ? -1 : 1;
}

/* As many windows from order[at ..) as fit; returns how many. */
static size_t make_batch(struct batch *b, const struct group *g, size_t at)
{
    b->rows = b->windows = 0;
    while (at + b->windows < g->n) {
        const struct window *w = &g->windows[g->order[at + b->windows]];
        if (b->rows + w->length > BATCH_ROWS || b->windows == BATCH_WINDOWS)
            break;
        b->first[b->windows] = (uint16_t)b->rows;
        b->length[b->windows++] = w->length;
        memcpy(b->ids + b->rows, w->ids, w->length * sizeof(uint32_t));
        b->rows += w->length;
    }
    return b->windows;
}

static void make_unit(float *v)
{
    double squares = 0;
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        squares += (double)v[i] * v[i];
    float scale = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        v[i] *= scale;
}

/* The mean of a window's rows, at length one, counts once per piece. */
static void pool_window(struct passage *p, const float *rows, size_t n)
{
    float mean[EMBEDDING_DIMENSION] = {0};
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
            mean[i] += rows[r * EMBEDDING_DIMENSION + i];
    }
    make_unit(mean);
    float weight = n > 2 ? (float)(n - 2) : 1;
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        p->vector[i] += weight * mean[i];
}

/* Returns how many texts got their vector. */
static size_t run_batch(struct embedder *e, size_t at)
{
    struct group *g = &e->group;
    const struct batch *b = &e->batch;
    size_t finished = 0;
    e->set->encode(&e->model, b, e->work);
    for (size_t i = 0; i < b->windows; i++) {
        struct passage *p = &g->passages[g->windows[g->order[at + i]].text];
        pool_window(p, e->work->x + (size_t)b->first[i] * MODEL_WIDTH, b->length[i]);
        if (--p->waiting == 0 && p->read) {
            make_unit(p->vector);
            finished++;
        }
    }
    return finished;
}

/* A text whose end was found only after all its windows had run. */
static size_t finish_ended(struct group *g)
{
    if (g->n_passages == 0 || !g->passages[0].read || g->passages[0].waiting > 0)
        return 0;
    make_unit(g->passages[0].vector);
    return 1;
}

int embedder_run(struct embedder *e, const struct str *texts, size_t n, float *vectors,
                 bool (*progress)(void *ctx, size_t done), void *ctx)
{
    static_assert((int)EMBEDDING_DIMENSION == MODEL_WIDTH, "a row is a vector");
    struct group *g = &e->group;
    size_t next = 0, done = 0;
    g->reading = false;
    while (done < n) {
        fill_group(e, texts, n, vectors, &next);
        done += finish_ended(g);
        for (size_t i = 0; i < g->n; i++)
            g->order[i] = (uint16_t)i;
        qsort_r(g->order, g->n, sizeof(g->order[0]), longer_first, g->windows);
        for (size_t at = 0, ran; at < g->n; at += ran) {
            ran = make_batch(&e->batch, g, at);
            done += run_batch(e, at);
            if (progress && !progress(ctx, done))
                return -ECANCELED;
        }
    }
    return 0;
}
