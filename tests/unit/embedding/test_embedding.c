/* SPDX-License-Identifier: Apache-2.0 */
/* embedding.h as its callers see it: any mix of texts, windows, progress, cancelling,
 * and the choice of kernels. Where only the way of the texts matters, the network is
 * replaced by one that counts words. */
#include "embedding.h"
#include "golden.h"
#include "kernels.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct embedder *embedder;

static bool always(char *why, size_t why_size)
{
    (void)why, (void)why_size;
    return true;
}

/* A row is its word: a one in the column that the id falls on. */
static void count_words(const struct model *m, const struct batch *b, struct work *w)
{
    (void)m;
    size_t rows = 0;
    memset(w->x, 0, b->rows * MODEL_WIDTH * sizeof(float));
    for (size_t i = 0; i < b->windows; i++) {
        assert_int_equal(b->first[i], rows); /* one behind the other */
        assert_true(i == 0 || b->length[i] <= b->length[i - 1]);
        rows += b->length[i];
    }
    assert_int_equal(rows, b->rows);
    assert_true(rows <= BATCH_ROWS);
    for (size_t r = 0; r < rows; r++)
        w->x[r * MODEL_WIDTH + b->ids[r] % MODEL_WIDTH] = 1;
}

static const struct kernel_set counting = {
    .name = "counting",
    .available = always,
    .encode = count_words,
};

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

/* "word word …" of n pieces, told apart by the first. */
static struct str make_text(char *room, size_t n, char first)
{
    room[0] = first;
    for (size_t i = 1; i < n; i++)
        memcpy(room + i * 5 - 4, " word", 5);
    return (struct str){room, n == 0 ? 0 : n * 5 - 4};
}

static void no_texts_are_no_work(void **state)
{
    (void)state;
    assert_int_equal(embedder_run(embedder, NULL, 0, NULL, NULL, NULL), 0);
}

static void a_text_has_the_same_vector_alone_and_in_company(void **state)
{
    (void)state;
    enum { N = 40 };
    static char room[N][2000];
    static float together[N][EMBEDDING_DIMENSION], alone[EMBEDDING_DIMENSION];
    struct str texts[N];
    for (size_t i = 0; i < N; i++)
        texts[i] = make_text(room[i], i * 37 % 60, (char)('a' + i % 26));
    texts[7] = make_text(room[7], 300, 'q'); /* two windows amid short ones */
    assert_int_equal(embedder_run(embedder, texts, N, together[0], NULL, NULL), 0);
    for (size_t i = 0; i < N; i += 3) {
        assert_int_equal(embedder_run(embedder, &texts[i], 1, alone, NULL, NULL), 0);
        if (cosine(alone, together[i]) < 0.999999)
            fail_msg("text %zu", i);
    }
    assert_true(cosine(together[1], together[2]) < 0.999);
}

/* 254 pieces are one window, 255 are two, and what follows does not change that a
 * window weighs as many as it has. */
static void a_long_text_is_the_mean_of_its_windows_by_their_pieces(void **state)
{
    (void)state;
    static char room[3][4000];
    static float v[3][EMBEDDING_DIMENSION], mean[EMBEDDING_DIMENSION];
    char *whole = room[2];
    struct str a = make_text(room[0], 254, 'a'), b = make_text(room[1], 100, 'b');
    for (char *p = room[1]; p < room[1] + b.n; p++)
        *p = *p == 'w' ? 'f' : *p; /* "ford" */
    memcpy(whole, a.p, a.n);
    whole[a.n] = ' ';
    memcpy(whole + a.n + 1, b.p, b.n);
    struct str texts[] = {a, b, {whole, a.n + 1 + b.n}};
    assert_int_equal(embedder_run(embedder, texts, 3, v[0], NULL, NULL), 0);
    for (size_t i = 0; i < EMBEDDING_DIMENSION; i++)
        mean[i] = 254 * v[0][i] + 100 * v[1][i];
    assert_true(cosine(mean, v[2]) > 0.999999);
    assert_true(cosine(v[0], v[2]) < 0.999);
}

/* More windows in one text than are ever held together, its end on such a border too.
 */
static void a_text_of_any_length_is_read_piece_by_piece(void **state)
{
    (void)state;
    const size_t pieces[] = {128 * 254, 128 * 254 + 1, 300 * 254};
    size_t longest = 300 * 254;
    char *room = malloc(longest * 5);
    float *v = malloc(2 * EMBEDDING_DIMENSION * sizeof(float));
    assert_true(room && v);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct str texts[] = {make_text(room, pieces[i], 'a'), STR("short")};
        assert_int_equal(embedder_run(embedder, texts, 2, v, NULL, NULL), 0);
        float alone[EMBEDDING_DIMENSION];
        assert_int_equal(embedder_run(embedder, &texts[1], 1, alone, NULL, NULL), 0);
        assert_true(cosine(alone, v + EMBEDDING_DIMENSION) > 0.999999);
        double squares = 0;
        for (size_t j = 0; j < EMBEDDING_DIMENSION; j++)
            squares += (double)v[j] * v[j];
        assert_true(fabs(squares - 1) < 1e-5);
    }
    free(v);
    free(room);
}

struct calls {
    size_t n, last, stop_at;
    bool fell;
};

static bool count(void *ctx, size_t done)
{
    struct calls *c = ctx;
    c->fell |= done < c->last;
    c->last = done;
    return ++c->n != c->stop_at;
}

static void progress_rises_to_the_number_of_texts(void **state)
{
    (void)state;
    enum { N = 200 };
    static char room[2000];
    static float v[N][EMBEDDING_DIMENSION];
    struct str texts[N];
    struct calls calls = {0};
    for (size_t i = 0; i < N; i++)
        texts[i] = make_text(room, 6, 'a');
    texts[150] = make_text(room, 300, 'a');
    assert_int_equal(embedder_run(embedder, texts, N, v[0], count, &calls), 0);
    assert_int_equal(calls.last, N);
    assert_false(calls.fell);
    assert_true(calls.n >= N * 8 / 256);
}

static void a_cancelled_run_stops_at_once_and_the_next_starts_afresh(void **state)
{
    (void)state;
    enum { N = 8 };
    static char room[2000];
    static float v[N][EMBEDDING_DIMENSION];
    struct str texts[N];
    struct calls calls = {.stop_at = 2};
    for (size_t i = 0; i < N; i++)
        texts[i] = make_text(room, 300, 'a');
    assert_int_equal(embedder_run(embedder, texts, N, v[0], count, &calls), -ECANCELED);
    assert_int_equal(calls.n, 2);
    struct str hello = STR("hello");
    assert_int_equal(embedder_run(embedder, &hello, 1, v[0], NULL, NULL), 0);
    assert_int_equal(embedder_run(embedder, &hello, 1, v[1], NULL, NULL), 0);
    assert_true(cosine(v[0], v[1]) > 0.999999);
}

static void kernels_can_be_forced_by_name(void **state)
{
    (void)state;
    char why[300];
    struct embedder *e;
    setenv("PETIOLE_EMBEDDING_PATH", "scalar", 1);
    assert_int_equal(embedder_open(&e, model_or_skip(), EMBEDDING_BEST, why,
                                   sizeof(why)),
                     0);
    assert_string_equal(embedder_path_name(e), "scalar");
    embedder_close(e);
    setenv("PETIOLE_EMBEDDING_PATH", "quantum", 1);
    assert_int_equal(embedder_open(&e, model_or_skip(), EMBEDDING_BEST, why,
                                   sizeof(why)),
                     -ENOTSUP);
    assert_non_null(strstr(why, "PETIOLE_EMBEDDING_PATH=quantum"));
    assert_int_equal(embedder_open(&e, model_or_skip(), EMBEDDING_SCALAR, why,
                                   sizeof(why)),
                     0);
    embedder_close(e);
    unsetenv("PETIOLE_EMBEDDING_PATH");
}

static void a_forced_set_that_the_cpu_lacks_is_refused_in_words(void **state)
{
    (void)state;
    char why[300];
    struct embedder *e;
    int r = embedder_open(&e, model_or_skip(), EMBEDDING_AMX, why, sizeof(why));
    if (r == 0) {
        assert_string_equal(embedder_path_name(e), "amx");
        embedder_close(e);
        return;
    }
    assert_int_equal(r, -ENOTSUP);
    assert_non_null(strstr(why, "amx"));
    assert_null(strchr(why, '\n'));
}

static void a_model_that_is_not_there_is_refused_in_words(void **state)
{
    (void)state;
    char why[300];
    struct embedder *e;
    assert_int_equal(embedder_open(&e, "/nowhere/m.ptlm", EMBEDDING_BEST, why,
                                   sizeof(why)),
                     -ENOENT);
    assert_non_null(strstr(why, "/nowhere/m.ptlm"));
    embedder_close(NULL);
}

int main(void)
{
    char why[300];
    if (embedder_open_with(&embedder, model_or_skip(), &counting, why, sizeof(why)) <
        0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_texts_are_no_work),
        cmocka_unit_test(a_text_has_the_same_vector_alone_and_in_company),
        cmocka_unit_test(a_long_text_is_the_mean_of_its_windows_by_their_pieces),
        cmocka_unit_test(a_text_of_any_length_is_read_piece_by_piece),
        cmocka_unit_test(progress_rises_to_the_number_of_texts),
        cmocka_unit_test(a_cancelled_run_stops_at_once_and_the_next_starts_afresh),
        cmocka_unit_test(kernels_can_be_forced_by_name),
        cmocka_unit_test(a_forced_set_that_the_cpu_lacks_is_refused_in_words),
        cmocka_unit_test(a_model_that_is_not_there_is_refused_in_words),
    };
    int failed = cmocka_run_group_tests_name("embedding", tests, NULL, NULL);
    embedder_close(embedder);
    return failed;
}
