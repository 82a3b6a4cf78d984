/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of one kernel set against those of sentence-transformers.
 *
 *   test_vectors NAME EVERY LEAST [TOKENS]
 *
 * takes every EVERY-th text, of at most TOKENS pieces, and wants no cosine below LEAST.
 * One program run per set, so that a set this CPU lacks is one skipped test. */
#include "golden.h"
#include "kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

extern const struct kernel_set kernels_amx_emulated;

static const struct kernel_set *const sets[] = {
    &kernels_scalar,
#ifdef EMBEDDING_X86
    &kernels_avx2,
    &kernels_amx,
#endif
    &kernels_amx_emulated,
};

static struct {
    const struct kernel_set *set;
    size_t every, tokens;
    double least;
} wanted;

static struct golden golden;

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static double cosine(const float *a, const float *b)
{
    return dot(a, b) / sqrt(dot(a, a) * dot(b, b));
}

/* The chosen texts into texts, their numbers into which. */
static size_t choose(struct str *texts, size_t *which)
{
    size_t n = 0;
    for (size_t i = 0; i < golden.n; i += wanted.every) {
        if (golden.texts[i].n_ids > wanted.tokens)
            continue;
        texts[n] = golden.texts[i].text;
        which[n++] = i;
    }
    return n;
}

static void compare(const size_t *which, size_t n, const float *vectors)
{
    double worst = 2, sum = 0;
    size_t worst_text = 0;
    for (size_t i = 0; i < n; i++) {
        const float *v = vectors + i * EMBEDDING_DIMENSION;
        double c = cosine(v, golden.texts[which[i]].vector);
        sum += c;
        assert_true(fabs(dot(v, v) - 1) < 1e-5);
        if (!(c >= worst)) {
            worst = c;
            worst_text = which[i];
        }
    }
    printf("%s: %zu texts, cosine worst %.8f (text %zu), mean %.8f\n", wanted.set->name,
           n, worst, worst_text + 1, sum / (double)n);
    assert_true(worst >= wanted.least);
}

static void vectors_are_those_of_sentence_transformers(void **state)
{
    (void)state;
    char why[300];
    struct embedder *e;
    struct str *texts = calloc(golden.n, sizeof(*texts));
    size_t *which = calloc(golden.n, sizeof(*which));
    float *vectors = calloc(golden.n, EMBEDDING_DIMENSION * sizeof(float));
    assert_true(texts && which && vectors);
    size_t n = choose(texts, which);
    assert_true(n > 0);
    if (embedder_open_with(&e, model_or_skip(), wanted.set, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    assert_int_equal(embedder_run(e, texts, n, vectors, NULL, NULL), 0);
    compare(which, n, vectors);
    embedder_close(e);
    free(vectors);
    free(which);
    free(texts);
}

static bool parse(int argc, char **argv)
{
    if (argc < 4)
        return false;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (strcmp(sets[i]->name, argv[1]) == 0)
            wanted.set = sets[i];
    }
    wanted.every = strtoul(argv[2], NULL, 10);
    wanted.least = strtod(argv[3], NULL);
    wanted.tokens = argc > 4 ? strtoul(argv[4], NULL, 10) : SIZE_MAX;
    return wanted.set && wanted.every > 0;
}

int main(int argc, char **argv)
{
    char why[200];
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: test_vectors NAME EVERY LEAST [TOKENS]\n");
        return 2;
    }
    if (!wanted.set->available(why, sizeof(why))) {
        printf("skipped: %s\n", why);
        return SKIPPED;
    }
    model_or_skip();
    golden_read(&golden);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_those_of_sentence_transformers),
    };
    int failed = cmocka_run_group_tests_name(wanted.set->name, tests, NULL, NULL);
    golden_finish(&golden);
    return failed;
}
