/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_parts.h"

#include <stdlib.h>
#include <time.h>
#include <uv.h>

#define KEY_BYTES (3 * LABEL_BYTES + 2)

const double metrics_runtime_buckets[METRICS_RUNTIME_BUCKETS] = {.005, .01, .025, .05,
                                                                 .075, .1,  .25,  .5,
                                                                 .75,  1,   2.5,  5,
                                                                 7.5,  10};

struct metrics *metrics_create(void)
{
    struct metrics *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    series_init(&m->tasks, METRICS_TASK_VALUES, METRICS_SERIES_MAX,
                STR("other\0other\0"));
    series_init(&m->exceptions, 1, METRICS_SERIES_MAX, STR("other\0other\0other\0"));
    return m;
}

void metrics_destroy(struct metrics *m)
{
    if (!m)
        return;
    series_finish(&m->tasks);
    series_finish(&m->exceptions);
    metrics_finish_families(m);
    free(m);
}

/* ---- tasks -------------------------------------------------------------------- */

static void key_add(char **at, struct str value)
{
    str_copy_to(at, label_cut(value));
    *(*at)++ = '\0';
}

struct str metrics_key_part(struct str *key)
{
    const char *nul = key->n ? memchr(key->p, '\0', key->n) : NULL;
    struct str part = {key->p, nul ? (size_t)(nul - key->p) : key->n};
    size_t taken = part.n + (nul != NULL);
    *key = (struct str){key->p ? key->p + taken : NULL, key->n - taken};
    return part;
}

static double *task_values(struct metrics *m, struct str name, struct str queue)
{
    char key[KEY_BYTES + 1], *at = key;
    key_add(&at, name);
    key_add(&at, queue);
    return series_values(&m->tasks, (struct str){key, (size_t)(at - key)});
}

/* "ValueError('no')" is told, too: the class is what stands before the bracket. */
static struct str class_of(struct str exception)
{
    const char *bracket = exception.n ? memchr(exception.p, '(', exception.n) : NULL;
    return bracket ? (struct str){exception.p, (size_t)(bracket - exception.p)}
                   : exception;
}

static void count_exception(struct metrics *m, struct str name, struct str queue,
                            struct str exception)
{
    char key[KEY_BYTES + 1], *at = key;
    key_add(&at, name);
    key_add(&at, queue);
    key_add(&at, class_of(exception));
    double *v = series_values(&m->exceptions, (struct str){key, (size_t)(at - key)});
    if (v)
        ++*v;
}

static void count_second(struct metrics *m, enum metrics_task what)
{
    int64_t now = time(NULL);
    struct metrics_second *s = &m->seconds[(uint64_t)now % METRICS_RATE_S];
    if (s->at_s != now)
        *s = (struct metrics_second){.at_s = now};
    s->n[what]++;
}

double metrics_rate(const struct metrics *m, enum metrics_task what)
{
    int64_t since = time(NULL) - METRICS_RATE_S;
    double n = 0;
    for (size_t i = 0; i < METRICS_RATE_S; i++)
        if (m->seconds[i].at_s > since)
            n += m->seconds[i].n[what];
    return n / METRICS_RATE_S;
}

void metrics_count_task(struct metrics *m, enum metrics_task what, struct str name,
                        struct str queue, struct str exception)
{
    double *v = task_values(m, name, queue);
    if (v)
        v[what]++;
    count_second(m, what);
    if (what == METRICS_FAILED)
        count_exception(m, name, queue, exception);
}

void metrics_task_runtime(struct metrics *m, struct str name, struct str queue,
                          double seconds)
{
    double *v = task_values(m, name, queue);
    size_t bucket = 0;
    if (!v || !(seconds >= 0))
        return;
    while (bucket < METRICS_RUNTIME_BUCKETS &&
           seconds > metrics_runtime_buckets[bucket])
        bucket++;
    v[METRICS_RUNTIME_AT + bucket]++;
    v[METRICS_RUNTIME_SUM] += seconds;
}

/* ---- the last failures -------------------------------------------------------- */

static void keep(char *to, size_t size, struct str text)
{
    text = label_cut(text);
    size_t n = text.n < size ? text.n : size - 1;
    memcpy(to, n ? text.p : "", n);
    to[n] = '\0';
}

void metrics_note_failure(struct metrics *m, struct str name, struct str id,
                          struct str exception_repr)
{
    struct metrics_failure *f = &m->failures[m->next_failure];
    uv_timeval64_t now = {0, 0};
    uv_gettimeofday(&now);
    f->at_us = now.tv_sec * 1000000 + now.tv_usec;
    keep(f->name, sizeof(f->name), name);
    keep(f->id, sizeof(f->id), id);
    keep(f->exception, sizeof(f->exception), exception_repr);
    m->next_failure = (m->next_failure + 1) % METRICS_FAILURES;
}
