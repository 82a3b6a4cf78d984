/* SPDX-License-Identifier: Apache-2.0 */
/* Token ids compared with those tiktoken gave: tests/golden/tokens. Skipped when the
 * vocabulary has not been fetched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../protocol/base64.h"
#include "bpe.h"
#include "replace.h"

static struct vocabulary *vocabulary;

static void expect_ids(const char *name, const struct token_list *got, char *ids)
{
    size_t n = 0;

    for (char *save, *id = strtok_r(ids, " \n", &save); id;
         id = strtok_r(NULL, " \n", &save), n++)
        if (n >= got->n || got->ids[n] != (uint32_t)strtoul(id, NULL, 10))
            fail_msg("%s: token %zu is not %s", name, n, id);
    if (n != got->n)
        fail_msg("%s: %zu tokens instead of %zu", name, got->n, n);
}

static void check_line(char *line)
{
    char *base64 = strchr(line, '\t'), *ids = strchr(base64 + 1, '\t');
    struct arena arena;
    struct token_list got = {0};

    *base64++ = *ids++ = '\0';
    arena_init(&arena, 1 << 24);
    struct str text = base64_decode(&arena, str_of(base64));
    assert_int_equal(tokens_encode(vocabulary, text, &got), 0);
    expect_ids(line, &got, ids);
    if (got.n > 0)
        assert_int_equal(got.ends[got.n - 1], text.n);
    token_list_finish(&got);
    arena_finish(&arena);
}

static void ids_are_those_tiktoken_recorded(void **state)
{
    FILE *in = fopen(GOLDEN "/cl100k_base.tsv", "r");
    char *line = NULL;
    size_t room = 0, lines = 0;

    (void)state;
    assert_non_null(in);
    for (; getline(&line, &room, in) >= 0; lines++)
        check_line(line);
    free(line);
    fclose(in);
    assert_true(lines > 80);
}

static void ends_rise_to_the_end_of_broken_text(void **state)
{
    const char *text = "caf\xc3\xa9 \xff\xf0\x9f\x98 na\xc3\xafve \xe2\x82";
    struct token_list got = {0};
    uint32_t before = 0;

    (void)state;
    assert_int_equal(tokens_encode(vocabulary, str_of(text), &got), 0);
    for (size_t i = 0; i < got.n; i++) {
        assert_in_range(got.ends[i], before, strlen(text));
        before = got.ends[i];
    }
    assert_int_equal(before, strlen(text));
    token_list_finish(&got);
}

static uint64_t steps_for(const char *unit, size_t n)
{
    struct bpe_scratch scratch = {0};
    struct token_list out = {0};
    size_t len = strlen(unit);
    uint8_t *text = malloc(n);

    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)unit[i % len];
    assert_int_equal(bpe_encode(vocabulary, &scratch, text, n, 0, &out), 0);
    uint64_t steps = scratch.steps;
    token_list_finish(&out);
    bpe_scratch_finish(&scratch);
    free(text);
    return steps;
}

static void hostile_words_stay_linear(void **state)
{
    const char *units[] = {"a",  " ",  "ab",   "ha",      "aaaaab",
                           "的", "-=", "qzxj", "\xcc\x81"};

    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        uint64_t once = steps_for(units[i], 60000), twice = steps_for(units[i], 120000);
        assert_in_range(once, 1, 60000 * 60);
        assert_in_range(twice, 1, once * 2 + 2000);
    }
}

static void text_is_tokenized_behind_what_the_list_holds(void **state)
{
    struct token_list list = {0};

    (void)state;
    assert_int_equal(tokens_encode(vocabulary, STR("hello"), &list), 0);
    assert_int_equal(tokens_encode(vocabulary, STR(" world"), &list), 0);
    assert_int_equal(tokens_encode(vocabulary, STR(""), &list), 0);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.ids[0], 15339);
    assert_int_equal(list.ids[1], 1917);
    token_list_finish(&list);
}

static void vocabulary_path(char *path, size_t size)
{
    const char *assets = getenv("PETIOLE_ASSETS"), *data = getenv("XDG_DATA_HOME"),
               *home = getenv("HOME");

    if (assets && *assets)
        snprintf(path, size, "%s/cl100k_base.ptlv", assets);
    else if (data && *data)
        snprintf(path, size, "%s/petiole/cl100k_base.ptlv", data);
    else
        snprintf(path, size, "%s/.local/share/petiole/cl100k_base.ptlv",
                 home ? home : "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_tiktoken_recorded),
        cmocka_unit_test(ends_rise_to_the_end_of_broken_text),
        cmocka_unit_test(hostile_words_stay_linear),
        cmocka_unit_test(text_is_tokenized_behind_what_the_list_holds),
    };
    char path[512], why[600];

    vocabulary_path(path, sizeof(path));
    if (access(path, F_OK) < 0) {
        printf("skipped: %s is missing; scripts/assets fetches it\n", path);
        return 77;
    }
    if (vocabulary_open(&vocabulary, path, why, sizeof(why)) < 0) {
        printf("%s\n", why);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    vocabulary_close(vocabulary);
    return failed;
}
