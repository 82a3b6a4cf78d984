/* SPDX-License-Identifier: Apache-2.0 */
/* The prepacked file: opening it is quick, and a file that is not one is refused in a
 * line, whatever it says of itself. */
#include "golden.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct model whole;
static char copy_path[64];

/* A copy without the weights, which are holes: the header and the trie are all that
 * opening reads. */
static int make_copy(void **state)
{
    (void)state;
    const struct model_header *h = whole.header;
    snprintf(copy_path, sizeof(copy_path), "/tmp/petiole-model-XXXXXX");
    int fd = mkstemp(copy_path);
    uint64_t at = h->section[SECTION_TRIE].at, bytes = h->section[SECTION_TRIE].bytes;
    bool ok = fd >= 0 && ftruncate(fd, (off_t)h->file_bytes) == 0 &&
              pwrite(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h) &&
              pwrite(fd, whole.trie, bytes, (off_t)at) == (ssize_t)bytes;
    if (fd >= 0)
        close(fd);
    return ok ? 0 : -1;
}

static int remove_copy(void **state)
{
    (void)state;
    return unlink(copy_path);
}

static void write_at(uint64_t at, const void *bytes, size_t n)
{
    int fd = open(copy_path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
    close(fd);
}

/* A header that lies, but whose own sum is right. */
static void write_header(struct model_header h)
{
    h.header_sum = model_header_sum(&h);
    write_at(0, &h, sizeof(h));
}

static void assert_refused(const char *path, const char *reason)
{
    struct model m;
    char why[400] = "";
    int r = model_open(&m, path, why, sizeof(why));
    if (r >= 0)
        fail_msg("opened, but should say: %s", reason);
    if (!strstr(why, reason) || !strstr(why, path) || strchr(why, '\n'))
        fail_msg("said \"%s\", should say \"%s\"", why, reason);
    assert_null(m.map);
}

static void a_copy_without_changes_opens(void **state)
{
    (void)state;
    struct model m;
    char why[400];
    assert_int_equal(model_open(&m, copy_path, why, sizeof(why)), 0);
    assert_int_equal(model_verify(&m, why, sizeof(why)), -EINVAL); /* holes */
    assert_non_null(strstr(why, "damaged"));
    model_close(&m);
}

static void the_real_file_has_the_content_it_was_written_with(void **state)
{
    (void)state;
    char why[400];
    assert_int_equal(model_verify(&whole, why, sizeof(why)), 0);
}

static void a_missing_file_says_what_makes_it(void **state)
{
    (void)state;
    assert_refused("/nowhere/model.ptlm", "scripts/assets-model makes it");
}

static void what_is_no_model_is_refused(void **state)
{
    (void)state;
    assert_refused("/dev/null", "not a prepacked model");
    assert_refused("/tmp", "not a prepacked model");
    write_at(0, "GGUF", 4);
    assert_refused(copy_path, "not a prepacked model");
}

static void a_file_cut_short_is_refused_at_every_length(void **state)
{
    (void)state;
    const off_t lengths[] = {0, 1, 8, 100, 4095};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(truncate(copy_path, lengths[i]), 0);
        assert_refused(copy_path, "not a prepacked model");
    }
    assert_int_equal(remove_copy(state), 0);
    assert_int_equal(make_copy(state), 0);
    assert_int_equal(truncate(copy_path, (off_t)whole.header->file_bytes - 1), 0);
    assert_refused(copy_path, "bytes where");
    assert_int_equal(truncate(copy_path, (off_t)whole.header->file_bytes + 1), 0);
    assert_refused(copy_path, "bytes where");
}

static void each_flipped_byte_of_the_header_is_noticed(void **state)
{
    (void)state;
    struct model m;
    char why[400];
    for (size_t i = 0; i < sizeof(struct model_header); i++) {
        struct model_header h = *whole.header;
        ((unsigned char *)&h)[i] ^= 0x40;
        write_at(0, &h, sizeof(h));
        assert_int_equal(model_open(&m, copy_path, why, sizeof(why)), -EINVAL);
    }
}

static void another_version_says_so(void **state)
{
    (void)state;
    struct model_header h = *whole.header;
    h.version++;
    write_header(h);
    assert_refused(copy_path, "its format is version 2 and this build reads 1");
}

static void sections_that_reach_outside_are_refused(void **state)
{
    (void)state;
    for (int s = 0; s < SECTIONS; s++) {
        const uint64_t places[] = {0,
                                   1,
                                   MODEL_ALIGNMENT + 1,
                                   whole.header->file_bytes,
                                   UINT64_MAX - MODEL_ALIGNMENT + 1,
                                   UINT64_MAX};
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            struct model_header h = *whole.header;
            h.section[s].at = places[i];
            write_header(h);
            assert_refused(copy_path, "another shape");
        }
        struct model_header h = *whole.header;
        h.section[s].bytes -= 4;
        write_header(h);
        assert_refused(copy_path, "another shape");
    }
}

static void counts_that_the_sections_do_not_hold_are_refused(void **state)
{
    (void)state;
    struct model_header h = *whole.header;
    h.words = UINT32_MAX;
    write_header(h);
    assert_refused(copy_path, "another shape");
    h = *whole.header;
    h.end = h.words;
    write_header(h);
    assert_refused(copy_path, "another shape");
    h = *whole.header;
    h.continuation = h.slots;
    write_header(h);
    assert_refused(copy_path, "another shape");
}

static void a_trie_that_leads_outside_is_refused(void **state)
{
    (void)state;
    const struct model_header *h = whole.header;
    struct trie_slot slot = whole.trie[77];
    slot.base = h->slots - 255;
    write_at(h->section[SECTION_TRIE].at + 77 * sizeof(slot), &slot, sizeof(slot));
    assert_refused(copy_path, "vocabulary is damaged");
    slot = whole.trie[77];
    slot.id = h->words;
    write_at(h->section[SECTION_TRIE].at + 77 * sizeof(slot), &slot, sizeof(slot));
    assert_refused(copy_path, "vocabulary is damaged");
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void opening_is_timed_for_the_reader(void **state)
{
    (void)state;
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        struct model m;
        char why[400];
        double start = now_ms();
        assert_int_equal(model_open(&m, model_or_skip(), why, sizeof(why)), 0);
        double ms = now_ms() - start;
        best = ms < best ? ms : best;
        model_close(&m);
    }
    printf("opening takes %.3f ms\n", best);
}

#define ON_A_COPY(test) cmocka_unit_test_setup_teardown(test, make_copy, remove_copy)

int main(void)
{
    char why[400];
    if (model_open(&whole, model_or_skip(), why, sizeof(why)) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        ON_A_COPY(a_copy_without_changes_opens),
        cmocka_unit_test(the_real_file_has_the_content_it_was_written_with),
        cmocka_unit_test(a_missing_file_says_what_makes_it),
        ON_A_COPY(what_is_no_model_is_refused),
        ON_A_COPY(a_file_cut_short_is_refused_at_every_length),
        ON_A_COPY(each_flipped_byte_of_the_header_is_noticed),
        ON_A_COPY(another_version_says_so),
        ON_A_COPY(sections_that_reach_outside_are_refused),
        ON_A_COPY(counts_that_the_sections_do_not_hold_are_refused),
        ON_A_COPY(a_trie_that_leads_outside_is_refused),
        cmocka_unit_test(opening_is_timed_for_the_reader),
    };
    int failed = cmocka_run_group_tests_name("model", tests, NULL, NULL);
    model_close(&whole);
    return failed;
}
