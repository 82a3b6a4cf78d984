/* SPDX-License-Identifier: Apache-2.0 */
/* Word pieces: the very ids of Hugging Face's tokenizer, for any bytes, in any steps.
 */
#include "golden.h"
#include "model.h"
#include "wordpiece.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct model model;
static struct golden golden;

static uint64_t fnv(uint64_t h, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ids[i]) * 0x100000001b3u;
    return h;
}

/* All ids of the text, read `step` at a time. */
static size_t read_all(struct str text, uint32_t *ids, size_t cap, size_t step)
{
    struct wordpiece w;
    size_t n = 0, got;
    wordpiece_init(&w, &model, text);
    while ((got = wordpiece_read(&w, ids + n, step < cap - n ? step : cap - n)) > 0)
        n += got;
    return n;
}

static void ids_are_those_of_the_reference_for_every_recorded_text(void **state)
{
    (void)state;
    enum { CAP = 2048 };
    uint32_t ids[CAP];
    for (size_t i = 0; i < golden.n; i++) {
        const struct golden_text *t = &golden.texts[i];
        size_t n = read_all(t->text, ids, CAP, CAP);
        if (n != t->n_ids || memcmp(ids, t->ids, n * sizeof(*ids)) != 0)
            fail_msg("text %zu differs: \"%.*s\"", i + 1, STR_ARG(t->text));
    }
}

static void a_text_read_in_small_steps_gives_the_same_ids(void **state)
{
    (void)state;
    enum { CAP = 2048 };
    uint32_t ids[CAP];
    for (size_t i = 0; i < golden.n; i += 7) {
        for (size_t step = 1; step <= 5; step += 2) {
            size_t n = read_all(golden.texts[i].text, ids, CAP, step);
            assert_int_equal(n, golden.texts[i].n_ids);
            assert_memory_equal(ids, golden.texts[i].ids, n * sizeof(*ids));
        }
    }
}

static size_t put_code(char *p, uint32_t c)
{
    if (c < 0x80)
        return p[0] = (char)c, 1;
    if (c < 0x800)
        return p[0] = (char)(0xc0 | c >> 6), p[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return p[0] = (char)(0xe0 | c >> 12), p[1] = (char)(0x80 | (c >> 6 & 63)),
               p[2] = (char)(0x80 | (c & 63)), 3;
    return p[0] = (char)(0xf0 | c >> 18), p[1] = (char)(0x80 | (c >> 12 & 63)),
           p[2] = (char)(0x80 | (c >> 6 & 63)), p[3] = (char)(0x80 | (c & 63)), 4;
}

/* "x?y ? " for each of 4096 code points, as the recording script writes it. */
static size_t write_block(char *text, uint32_t start)
{
    size_t n = 0;
    for (uint32_t c = start; c < start + 4096; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        text[n++] = 'x';
        n += put_code(text + n, c);
        text[n++] = 'y';
        text[n++] = ' ';
        n += put_code(text + n, c);
        text[n++] = ' ';
    }
    return n;
}

static void every_code_point_gives_the_ids_of_the_reference(void **state)
{
    (void)state;
    enum { CAP = 4096 * 16 };
    size_t bytes;
    char *sums = golden_file("code_points.txt", &bytes), *line = sums;
    char *text = malloc(4096 * 12);
    uint32_t *ids = malloc(CAP * sizeof(*ids));
    assert_true(text && ids);
    for (uint32_t start = 0; start < 0x110000; start += 4096, line += 17) {
        size_t n =
            read_all((struct str){text, write_block(text, start)}, ids, CAP, CAP);
        assert_true(n < CAP);
        char sum[17];
        snprintf(sum, sizeof(sum), "%016llx",
                 (unsigned long long)fnv(0xcbf29ce484222325u, ids, n));
        assert_true(line + 16 < sums + bytes);
        if (memcmp(sum, line, 16) != 0)
            fail_msg("a code point from U+%04X on differs", start);
    }
    free(ids);
    free(text);
    free(sums);
}

static void bytes_that_are_not_utf8_vanish_without_being_read_beyond(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (size_t n = 1; n <= 3; n++) {
            unsigned char *exact = malloc(n); /* a sanitizer sees one byte too many */
            uint32_t ids[16];
            assert_non_null(exact);
            memset(exact, 0x80, n);
            exact[0] = (unsigned char)first;
            read_all((struct str){(char *)exact, n}, ids, 16, 16);
            free(exact);
        }
    }
    uint32_t ids[16], whole[16];
    size_t n = read_all(STR("be\xff"
                            "fore"),
                        ids, 16, 16);
    assert_int_equal(n, read_all(STR("before"), whole, 16, 16));
    assert_int_equal(ids[0], whole[0]);
}

/* Two megabytes each; a quadratic step anywhere would run into the test's timeout. */
static void hostile_text_takes_linear_time(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "a",
        "##",
        "[SE",
        "a\xcc\x81",
        "\xcc\x81",
        "\xe4\xb8\xad",
        "\xff",
        " ",
        "supercalifragilisticexpialidociou",
        "\xed\x95\x9c",
        "zq",
    };
    enum { BYTES = 2 << 20, CAP = 4096 };
    char *text = malloc(BYTES);
    uint32_t ids[CAP];
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        size_t n = strlen(patterns[i]);
        for (size_t at = 0; at < BYTES; at++)
            text[at] = patterns[i][at % n];
        struct wordpiece w;
        wordpiece_init(&w, &model, (struct str){text, BYTES});
        size_t total = 0, got;
        while ((got = wordpiece_read(&w, ids, CAP)) > 0)
            total += got;
        assert_true(total <= BYTES);
        assert_int_equal(w.rest.n, 0);
    }
    free(text);
}

int main(void)
{
    char why[300];
    if (model_open(&model, model_or_skip(), why, sizeof(why)) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    golden_read(&golden);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_the_reference_for_every_recorded_text),
        cmocka_unit_test(a_text_read_in_small_steps_gives_the_same_ids),
        cmocka_unit_test(every_code_point_gives_the_ids_of_the_reference),
        cmocka_unit_test(bytes_that_are_not_utf8_vanish_without_being_read_beyond),
        cmocka_unit_test(hostile_text_takes_linear_time),
    };
    int failed = cmocka_run_group_tests_name("word pieces", tests, NULL, NULL);
    golden_finish(&golden);
    model_close(&model);
    return failed;
}
