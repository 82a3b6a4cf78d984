/* SPDX-License-Identifier: Apache-2.0 */
/* documents.embed and documents.search; and indexes that somebody forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner.h"

#include <math.h>
#include <sys/stat.h>

static struct outcome o;

static double as_double(const ptl_value *v)
{
    return value_kind(v) == PTL_FLOAT ? v->u.d : (double)value_as_int(v, 0);
}

static void the_chunk_that_answers_comes_first(void **state)
{
    (void)state;
    need_model();
    write_text("notes.txt",
               "The cat sleeps on the sofa all day and purrs.\n\n"
               "Interest rates rose again, and the central bank expects inflation.\n\n"
               "To bake bread you need flour, water, salt and yeast.\n\n");
    run(&o, "documents.encode", "notes.txt", "unit=chars", "chunk_size=80",
        "overlap=10", NULL);
    expect_success(&o);
    assert_int_equal(result_int(&o, "dimension"), 384);
    assert_string_equal(result_text(&o, "model"), "all-MiniLM-L6-v2");
    int64_t chunks = result_int(&o, "chunks");

    run(&o, "documents.search", "notes_sections_index.json",
        "Which ingredients are needed to make a loaf?", "k=2", NULL);
    expect_success(&o);
    assert_int_equal(value_len(o.result), 2);
    const ptl_value *best = value_at(o.result, 0);
    assert_non_null(strstr(value_as_str(value_get(best, "text")).p, "bake bread"));
    assert_true(as_double(value_get(best, "score")) >
                as_double(value_get(value_at(o.result, 1), "score")));
    int64_t start = value_as_int(value_get(best, "start"), -1);
    int64_t end = value_as_int(value_get(best, "end"), -1);
    const char *text = read_text(&o, "notes.txt");
    assert_memory_equal(text + start, value_as_str(value_get(best, "text")).p,
                        (size_t)(end - start));

    run(&o, "documents.search", "notes_sections_index.json", "cats", "k=1000", NULL);
    assert_int_equal(value_len(o.result), chunks);
}

static void vectors_are_of_length_one(void **state)
{
    (void)state;
    need_model();
    run(&o, "documents.embed", "[\"a cat\", \"a kitten\", \"a tax form\"]", NULL);
    expect_success(&o);
    assert_int_equal(value_len(o.result), 3);
    double dot[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(value_len(value_at(o.result, i)), 384);
        for (size_t j = 0; j < 384; j++)
            dot[i] += as_double(value_at(value_at(o.result, 0), j)) *
                      as_double(value_at(value_at(o.result, i), j));
    }
    assert_true(fabs(dot[0] - 1) < 1e-5);
    assert_true(dot[1] > dot[2]);
}

static void progress_of_embedding_never_falls(void **state)
{
    int before = 0, embedding = 0;

    (void)state;
    need_model();
    FILE *out = fopen("many.txt", "w");
    for (int i = 0; i < 40; i++)
        fprintf(out, "Line %d has some words in it, and then some more words.\n\n", i);
    fclose(out);
    run(&o, "documents.encode", "many.txt", "unit=chars", "chunk_size=64", "overlap=0",
        NULL);
    expect_success(&o);
    for (const char *line = o.err; (line = strstr(line, "PROCESSING {")); line++) {
        int progress = atoi(strstr(line, "\"progress\": ") + strlen("\"progress\": "));
        bool is_embedding =
            strncmp(line, "PROCESSING {\"status\": \"Embedding", 31) == 0;
        assert_in_range(progress, before + (is_embedding && embedding > 0), 100);
        embedding += is_embedding;
        before = progress;
    }
    assert_in_range(embedding, 2, 50);
}

static void texts_must_be_a_short_list_of_str(void **state)
{
    (void)state;
    run(&o, "documents.embed", "[1]", NULL);
    expect_failure(&o, "TypeError", "texts[0] must be str");
    run(&o, "documents.embed", "\"hello\"", NULL);
    assert_false(o.succeeded);
    assert_non_null(strstr(o.err, "\nTypeError: "));
    set("PETIOLE_DOCUMENTS_MAX_TEXTS=1");
    run(&o, "documents.embed", "[\"a\", \"b\"]", NULL);
    expect_failure(&o, "ValueError", "documents.max_texts");
}

static void forged(const char *json, const char *words)
{
    write_text("forged.json", json);
    run(&o, "documents.search", "forged.json", "question", NULL);
    expect_failure(&o, "ValueError", words);
}

static void forged_indexes_are_refused(void **state)
{
    (void)state;
    forged("", "is no index");
    forged("%PDF-1.4", "is no index");
    forged("[]", "it has no chunks");
    forged("{\"metadata\": {}}", "it has no chunks");
    forged("{\"metadata\": []}", "made without embedding");
    forged("{\"metadata\": [], \"vectors\": {\"count\": 1, \"dimension\": 384}}",
           "its counts differ");
    forged("{\"metadata\": [], \"vectors\": {\"count\": -1, \"dimension\": 384}}",
           "its counts differ");
    forged("{\"metadata\": [], \"vectors\": {\"count\": 0, \"dimension\": 1e9}}",
           "not a dimension");
    forged(
        "{\"metadata\": [1], \"vectors\": {\"count\": 1, \"dimension\": 99999999999}}",
        "not a dimension");
    forged("{\"metadata\": [1], \"vectors\": {\"count\": 1, \"dimension\": 384}}",
           "not as long as it says");
    forged("{\"metadata\": [1], \"vectors\": {\"count\": 1, \"dimension\": 384, "
           "\"data\": \"AAAA\"}}",
           "not as long as it says");
    forged("{\"metadata\": [1], \"vectors\": {\"count\": 1, \"dimension\": 1, "
           "\"data\": \"AAAAAA==\"}}",
           "vectors of dimension 1");
}

static void deep_nesting_is_refused(void **state)
{
    size_t depth = 100000;
    char *json = malloc(depth + 1);

    (void)state;
    memset(json, '[', depth);
    json[depth] = '\0';
    forged(json, "is no index");
    free(json);
}

static void a_large_index_is_refused_unread(void **state)
{
    (void)state;
    set("PETIOLE_DOCUMENTS_MAX_INDEX_BYTES=100");
    char json[200];
    memset(json, ' ', sizeof(json) - 1);
    json[sizeof(json) - 1] = '\0';
    forged(json, "documents.max_index_bytes");
}

/* All bits set: each number is a NaN. */
static void vectors_without_direction_match_nothing(void **state)
{
    char data[2049], json[2300];

    (void)state;
    need_model();
    memset(data, '/', sizeof(data) - 1);
    data[sizeof(data) - 1] = '\0';
    sprintf(json,
            "{\"metadata\": [{}], \"vectors\": {\"count\": 1, \"dimension\": 384, "
            "\"starts\": \"x\", \"data\": \"%s\"}}",
            data);
    write_text("nan.json", json);
    run(&o, "documents.search", "nan.json", "question", NULL);
    expect_success(&o);
    assert_int_equal(value_len(o.result), 0);
}

static void indexes_are_read_below_the_roots(void **state)
{
    (void)state;
    run(&o, "documents.search", "/etc/passwd", "question", NULL);
    expect_failure(&o, "PermissionError", "documents.output_roots");
    run(&o, "documents.search", "none.json", "question", NULL);
    expect_failure(&o, "FileNotFoundError", "none.json");
    run(&o, "documents.search", "none.json", "question", "k=0", NULL);
    expect_failure(&o, "ValueError", "k must be from 1 to 1000");
    run(&o, "documents.search", "none.json", "7", NULL);
    expect_failure(&o, "TypeError", "query must be str");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_chunk_that_answers_comes_first),
        TEST(vectors_are_of_length_one),
        TEST(progress_of_embedding_never_falls),
        TEST(texts_must_be_a_short_list_of_str),
        TEST(forged_indexes_are_refused),
        TEST(deep_nesting_is_refused),
        TEST(a_large_index_is_refused_unread),
        TEST(vectors_without_direction_match_nothing),
        TEST(indexes_are_read_below_the_roots),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    outcome_finish(&o);
    return failed;
}
