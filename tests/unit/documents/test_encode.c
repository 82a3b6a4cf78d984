/* SPDX-License-Identifier: Apache-2.0 */
/* documents.encode and documents.chunk, from source to stored files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outcome o;

/* Neither needs an asset. */
#define PLAIN "unit=chars", "embed=false"

static char *repeated(const char *text, size_t times)
{
    size_t n = strlen(text);
    char *all = malloc(n * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(all + i * n, text, n);
    all[n * times] = '\0';
    return all;
}

static void write_repeated(const char *path, const char *text, size_t times)
{
    char *all = repeated(text, times);

    write_text(path, all);
    free(all);
}

/* The text whose chunks the Python encoder gave. */
static void write_sentences(const char *path, int count)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    for (int i = 1; i <= count; i++)
        fprintf(out,
                "Sentence %05d of the sample document describes item %d in plain "
                "words. %s",
                i, i, i % 5 == 0 ? "\n\n" : "");
    fclose(out);
}

static const ptl_value *place_of(const ptl_value *metadata, size_t i)
{
    return value_get(value_at(value_get(metadata, "chunks"), i), "metadata");
}

static int64_t number(const ptl_value *map, const char *key)
{
    return value_as_int(value_get(map, key), -1);
}

static void expect_place(const ptl_value *metadata, size_t i, int start, int end)
{
    assert_int_equal(number(place_of(metadata, i), "start"), start);
    assert_int_equal(number(place_of(metadata, i), "end"), end);
}

static void the_fox_makes_ten_chunks_of_10001_tokens(void **state)
{
    (void)state;
    need_vocabulary();
    write_repeated("fox.txt", "The quick brown fox jumps over the lazy dog. ", 1000);
    run(&o, "documents.encode", "fox.txt", "embed=false", NULL);
    expect_success(&o);
    assert_int_equal(result_int(&o, "chunks"), 10);
    assert_int_equal(result_int(&o, "tokens"), 10001);
    assert_int_equal(result_int(&o, "characters"), 45000);
    assert_string_equal(result_text(&o, "language"), "en");

    const char *text = read_text(&o, "fox.txt");
    const ptl_value *metadata = read_json(&o, "fox_sections_metadata.json");
    for (size_t i = 0; i < 10; i++) {
        const ptl_value *place = place_of(metadata, i);
        struct str chunk =
            value_as_str(value_get(value_at(value_get(metadata, "chunks"), i), "text"));
        assert_int_equal(number(place, "token_start"), 1000 * (int)i);
        assert_int_equal(number(place, "tokens"), i < 9 ? 1200 : 1001);
        assert_int_equal(chunk.n, number(place, "length"));
        assert_memory_equal(chunk.p, text + number(place, "start"), chunk.n);
    }
    assert_int_equal(number(place_of(metadata, 9), "end"), 45000);
}

static void tokens_are_never_cut_inside_a_character(void **state)
{
    char all[4096] = "";

    (void)state;
    need_vocabulary();
    for (int i = 0; i < 60; i++)
        strcat(all, i % 3 ? "\U0001F9EC" : "\U00020bb7é");
    char *source = malloc(strlen(all) + 32);
    sprintf(source, "text=\"%s\"", all);
    run(&o, "documents.chunk", source, "chunk_size=16", "overlap=0", NULL);
    expect_success(&o);
    assert_true(value_len(o.result) > 5);
    size_t at = 0, characters = 0;
    for (size_t i = 0; i < value_len(o.result); i++) {
        const ptl_value *chunk = value_at(o.result, i);
        struct str text = value_as_str(value_get(chunk, "text"));
        assert_memory_equal(text.p, all + at, text.n);
        assert_int_equal(number(chunk, "start"), characters);
        characters = (size_t)number(chunk, "end");
        at += text.n;
    }
    assert_int_equal(at, strlen(all));
    free(source);
}

static void languages_are_told_by_their_small_words(void **state)
{
    (void)state;
    write_text("it.txt",
               "Questo è il documento che una persona ha scritto per il capo.");
    run(&o, "documents.encode", "it.txt", PLAIN, NULL);
    assert_string_equal(result_text(&o, "language"), "it");
    write_text("upper.txt", "CIÒ È VERO, LA PROVA È QUI");
    run(&o, "documents.encode", "upper.txt", PLAIN, NULL);
    assert_string_equal(result_text(&o, "language"), "it");
    write_text("en.txt", "What is written in the book");
    run(&o, "documents.encode", "en.txt", PLAIN, NULL);
    assert_string_equal(result_text(&o, "language"), "en");
    write_text("digits.txt", "31415 92653 58979");
    run(&o, "documents.encode", "digits.txt", PLAIN, NULL);
    assert_string_equal(result_text(&o, "language"), "unknown");
}

static void characters_are_cut_where_the_python_encoder_cuts(void **state)
{
    (void)state;
    write_sentences("ten.txt", 10);
    run(&o, "documents.encode", "ten.txt", PLAIN, NULL);
    assert_int_equal(result_int(&o, "chunks"), 1);
    assert_int_equal(result_int(&o, "tokens"), 120);
    expect_place(read_json(&o, "ten_sections_metadata.json"), 0, 0, 715);

    write_sentences("two_hundred.txt", 200);
    run(&o, "documents.encode", "two_hundred.txt", PLAIN, NULL);
    assert_int_equal(result_int(&o, "chunks"), 24);
    assert_int_equal(result_int(&o, "tokens"), 3089);
    const ptl_value *metadata = read_json(&o, "two_hundred_sections_metadata.json");
    expect_place(metadata, 0, 0, 1077);
    expect_place(metadata, 1, 877, 1801);
    expect_place(metadata, 23, 14552, 14572);
    int64_t lengths = 0;
    for (size_t i = 0; i < 24; i++)
        lengths += number(place_of(metadata, i), "length");
    assert_int_equal(lengths, 18812);
}

static void long_texts_have_sections_of_whole_lines(void **state)
{
    (void)state;
    write_sentences("long.txt", 2000);
    run(&o, "documents.encode", "long.txt", PLAIN, NULL);
    const ptl_value *metadata = read_json(&o, "long_sections_metadata.json");
    assert_int_equal(number(metadata, "sections_count"), 3);
    const char *text = read_text(&o, "long.txt");
    size_t n = value_len(value_get(metadata, "chunks"));
    assert_int_equal(number(metadata, "total_text_length"), strlen(text));
    int64_t section = 1;
    for (size_t i = 1; i < n; i++) {
        const ptl_value *place = place_of(metadata, i);
        if (number(place, "section") == section)
            continue;
        assert_int_equal(number(place, "section"), ++section);
        assert_int_equal(text[number(place, "start") - 1], '\n');
    }
    assert_int_equal(section, 3);
}

static void progress_rises_through_the_steps(void **state)
{
    int before = 0, count = 0;

    (void)state;
    write_text("a.txt", "Some words to read.");
    run(&o, "documents.encode", "a.txt", PLAIN, NULL);
    expect_success(&o);
    for (const char *line = o.err; (line = strstr(line, "\"progress\": ")); count++) {
        int progress = atoi(line += strlen("\"progress\": "));
        assert_in_range(progress, before, 100);
        before = progress;
    }
    assert_int_equal(before, 100);
    assert_int_equal(count, 5);
    assert_non_null(
        strstr(o.err, "PROCESSING {\"status\": \"Reading file\", \"progress\": 10}"));
    assert_non_null(
        strstr(o.err, "{\"status\": \"Saving metadata\", \"progress\": 80}"));
}

static void both_files_say_what_is_in_the_text(void **state)
{
    (void)state;
    write_text("note.md", "## Aims\n\nA short note: caffè, \U0001F600.\n");
    run(&o, "documents.encode", "note.md", PLAIN, NULL);
    expect_success(&o);
    assert_string_equal(result_text(&o, "document"), "note.md");
    assert_non_null(
        strstr(result_text(&o, "metadata_file"), "/note_sections_metadata"));
    const char *raw = read_text(&o, "note_sections_metadata.json");
    assert_non_null(strstr(raw, "caff\\u00e8, \\ud83d\\ude00."));
    const char *start = "{\n  \"file\": \"/tmp/";
    assert_memory_equal(raw, start, strlen(start));
    assert_non_null(strstr(raw, "\",\n  \"chunk_size\": 1200,\n  \"overlap\": 200,\n"
                                "  \"chunks_count\": 1,\n  \"sections_count\": 1,\n"
                                "  \"total_text_length\": 33,\n"
                                "  \"processing_info\": {\n"));
    assert_non_null(strstr(raw,
                           "        \"index\": 0,\n        \"start\": 0,\n"
                           "        \"end\": 33,\n        \"length\": 33,\n"
                           "        \"title\": \"Aims\",\n        \"section\": 1,\n"
                           "        \"total_sections\": 1\n      }\n    }\n  ]\n}"));

    const ptl_value *index = read_json(&o, "note_sections_index.json");
    const ptl_value *entry = value_at(value_get(index, "metadata"), 0);
    assert_int_equal(number(entry, "id"), 0);
    assert_int_equal(number(entry, "length"), 33);
    assert_int_equal(number(value_get(index, "chunk_to_frame"), "0"), 0);
    assert_int_equal(value_len(value_get(value_get(index, "frame_to_chunks"), "0")), 1);
    assert_int_equal(number(value_get(value_get(index, "config"), "embedding"),
                            "dimension"),
                     384);
    assert_null(value_get(index, "vectors"));
}

static void pages_are_counted_and_named(void **state)
{
    char text[4000] = "";

    (void)state;
    for (int i = 1; i <= 3; i++)
        sprintf(text + strlen(text), "\n## Pagina %d\n\nThe words of page %d. %0*d\n\n",
                i, i, 900, i);
    write_text("pages.txt", text);
    run(&o, "documents.encode", "pages.txt", PLAIN, NULL);
    expect_success(&o);
    const ptl_value *metadata = read_json(&o, "pages_sections_metadata.json");
    assert_int_equal(number(place_of(metadata, 0), "page"), 1);
    size_t n = value_len(value_get(metadata, "chunks"));
    assert_int_equal(number(place_of(metadata, n - 1), "page"), 3);
}

static void a_text_is_stored_where_the_caller_says(void **state)
{
    (void)state;
    run(&o, "documents.encode", "{\"text\": \"hello there\"}", PLAIN, NULL);
    expect_success(&o);
    assert_null(result_text(&o, "index_file"));
    assert_int_equal(mkdir("out", 0755), 0);
    run(&o, "documents.encode", "{\"text\": \"hello there\", \"name\": \"h.v2.txt\"}",
        "out", PLAIN, NULL);
    expect_success(&o);
    assert_int_equal(access("out/h.v2_sections_index.json", R_OK), 0);
    run(&o, "documents.encode", "{\"text\": \"x\", \"name\": \"../h\"}", "out", PLAIN,
        NULL);
    expect_failure(&o, "ValueError", "'name' must be a file name without folders");
    run(&o, "documents.encode", "{\"txt\": \"x\"}", PLAIN, NULL);
    expect_failure(&o, "ValueError", "unknown key 'txt'");
    run(&o, "documents.encode", "[1]", PLAIN, NULL);
    expect_failure(&o, "TypeError", "source must be a path");
}

static void lone_surrogates_become_replacement_characters(void **state)
{
    (void)state;
    run(&o, "documents.chunk", "text=\"a\\ud800b\"", "unit=chars", NULL);
    expect_success(&o);
    assert_string_equal(value_as_str(value_get(value_at(o.result, 0), "text")).p,
                        "a\uFFFDb");
}

static void documents_without_text_fail(void **state)
{
    (void)state;
    write_text("empty.txt", "");
    run(&o, "documents.encode", "empty.txt", PLAIN, NULL);
    expect_failure(&o, "ValueError", "empty.txt: ");
    write_text("blank.md", " \n\t\n ");
    run(&o, "documents.encode", "blank.md", PLAIN, NULL);
    expect_failure(&o, "ValueError", "blank.md: ");
    run(&o, "documents.encode", "{\"text\": \"  \\n\"}", PLAIN, NULL);
    expect_failure(&o, "ValueError", "there is no text in it");
    assert_int_equal(access("empty_sections_metadata.json", F_OK), -1);
}

static void bytes_that_are_not_utf8_are_read_all_the_same(void **state)
{
    const char latin[] = "La citt\xe0 \xe8 bella, perch\xe9 no.";

    (void)state;
    write_bytes("latin.txt", latin, sizeof(latin) - 1);
    run(&o, "documents.encode", "latin.txt", PLAIN, NULL);
    expect_success(&o);
    assert_non_null(strstr(read_text(&o, "latin_sections_metadata.json"),
                           "La citt\\u00e0 \\u00e8 bella"));
}

static void unreadable_pdfs_fail_in_words(void **state)
{
    (void)state;
    write_text("broken.pdf", "%PDF-1.4\nthis is no more than a beginning\n");
    run(&o, "documents.encode", "broken.pdf", PLAIN, NULL);
    expect_failure(&o, "RuntimeError", "broken.pdf: ");
    assert_int_equal(symlink(getenv("TEST_ENCRYPTED_PDF"), "locked.pdf"), 0);
    set("PETIOLE_DOCUMENTS_ROOTS=/");
    run(&o, "documents.encode", "locked.pdf", ".", PLAIN, NULL);
    expect_failure(&o, "RuntimeError", "encrypted.pdf: ");
}

static void a_file_of_2_gb_is_refused_unread(void **state)
{
    (void)state;
    write_text("huge.txt", "x");
    assert_int_equal(truncate("huge.txt", (off_t)2 << 30), 0);
    run(&o, "documents.encode", "huge.txt", PLAIN, NULL);
    expect_failure(&o, "ValueError", "huge.txt: ");
}

static void an_unknown_ending_needs_a_format(void **state)
{
    (void)state;
    write_text("notes.xyz", "words");
    run(&o, "documents.encode", "notes.xyz", PLAIN, NULL);
    expect_failure(&o, "ValueError", "no format is known");
    run(&o, "documents.encode", "notes.xyz", PLAIN, "format=text", NULL);
    expect_success(&o);
    run(&o, "documents.encode", "notes.xyz", PLAIN, "format=exe", NULL);
    expect_failure(&o, "ValueError", "format must be");
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    write_repeated("long.txt", "words and more words. ", 1000);
    run(&o, "documents.encode", "long.txt", PLAIN, "chunk_size=100", "overlap=100",
        NULL);
    expect_failure(&o, "ValueError", "overlap (100) must be at least 8 less");
    run(&o, "documents.encode", "long.txt", PLAIN, "chunk_size=0", NULL);
    expect_failure(&o, "ValueError", "chunk_size must be from 16 to 1000000");
    run(&o, "documents.encode", "long.txt", "embed=false", "unit=lines", NULL);
    expect_failure(&o, "ValueError", "unit must be 'tokens' or 'chars'");
    set("PETIOLE_DOCUMENTS_MAX_CHUNKS=3");
    run(&o, "documents.encode", "long.txt", PLAIN, NULL);
    expect_failure(&o, "ValueError", "more than 3 chunks");
    set("PETIOLE_DOCUMENTS_MAX_TEXT_BYTES=100");
    run(&o, "documents.encode", "long.txt", PLAIN, NULL);
    expect_failure(&o, "ValueError", "long.txt: ");
    set("PETIOLE_DOCUMENTS_MAX_INPUT_BYTES=many");
    run(&o, "documents.encode", "long.txt", PLAIN, NULL);
    expect_failure(&o, "celery.exceptions.ImproperlyConfigured",
                   "documents.max_input_bytes is 'many'");
}

static void missing_assets_are_named_with_the_way_to_get_them(void **state)
{
    (void)state;
    write_text("a.txt", "words");
    set("PETIOLE_ASSETS=/nonexistent");
    run(&o, "documents.encode", "a.txt", NULL);
    expect_failure(&o, "FileNotFoundError",
                   "the vocabulary /nonexistent/cl100k_base.ptlv is missing: "
                   "scripts/assets fetches it");
    run(&o, "documents.encode", "a.txt", "unit=chars", NULL);
    expect_failure(&o, "FileNotFoundError",
                   "is missing: scripts/assets fetches it, or set documents.model");
    write_text("odd.ptlv", "no vocabulary");
    set("PETIOLE_DOCUMENTS_VOCABULARY=odd.ptlv");
    run(&o, "documents.chunk", "hello", NULL);
    expect_failure(&o, "RuntimeError", "it is no prepared vocabulary");
    assert_int_equal(access("a_sections_metadata.json", F_OK), -1);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    glob_t left;

    (void)state;
    write_text("a.txt", "words");
    assert_int_equal(mkdir("a_sections_index.json", 0755), 0);
    run(&o, "documents.encode", "a.txt", PLAIN, NULL);
    expect_failure(&o, "OSError", "a_sections_");
    assert_int_equal(glob(".petiole*", 0, NULL, &left), GLOB_NOMATCH);
    globfree(&left);
}

static void encoding_twice_gives_the_same_chunks(void **state)
{
    (void)state;
    write_sentences("same.txt", 50);
    run(&o, "documents.encode", "same.txt", PLAIN, NULL);
    expect_success(&o);
    run(&o, "documents.encode", "same.txt", PLAIN, NULL);
    expect_success(&o);
    assert_int_equal(number(read_json(&o, "same_sections_metadata.json"),
                            "chunks_count"),
                     result_int(&o, "chunks"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fox_makes_ten_chunks_of_10001_tokens),
        TEST(tokens_are_never_cut_inside_a_character),
        TEST(languages_are_told_by_their_small_words),
        TEST(characters_are_cut_where_the_python_encoder_cuts),
        TEST(long_texts_have_sections_of_whole_lines),
        TEST(progress_rises_through_the_steps),
        TEST(both_files_say_what_is_in_the_text),
        TEST(pages_are_counted_and_named),
        TEST(a_text_is_stored_where_the_caller_says),
        TEST(lone_surrogates_become_replacement_characters),
        TEST(documents_without_text_fail),
        TEST(bytes_that_are_not_utf8_are_read_all_the_same),
        TEST(unreadable_pdfs_fail_in_words),
        TEST(a_file_of_2_gb_is_refused_unread),
        TEST(an_unknown_ending_needs_a_format),
        TEST(sizes_are_bounded),
        TEST(missing_assets_are_named_with_the_way_to_get_them),
        TEST(a_failed_write_leaves_nothing_behind),
        TEST(encoding_twice_gives_the_same_chunks),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    outcome_finish(&o);
    return failed;
}
