/* SPDX-License-Identifier: Apache-2.0 */
/* A small made-up vocabulary: prepared, opened, damaged, and its tokens compared with
 * merging by rank done the slow and obvious way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../protocol/buf.h"
#include "bpe.h"
#include "prepare.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *const merges[] = {
    "ab",  "aa",  "ba",   "abab", "bb",    "aab", "aaaa",     "bba",
    "bab", "abb", "aaab", "cab",  "ababa", "ca",  "aaaaaaaa", "cabab",
};
enum { MERGES = sizeof(merges) / sizeof(merges[0]) };

struct files {
    char folder[64], text[96], prepared[96];
    struct vocabulary *v;
};

static void put_base64(FILE *out, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16 |
                        (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                        (i + 2 < n ? p[i + 2] : 0);
        fputc(digits[bits >> 18], out);
        fputc(digits[bits >> 12 & 63], out);
        fputc(i + 1 < n ? digits[bits >> 6 & 63] : '=', out);
        fputc(i + 2 < n ? digits[bits & 63] : '=', out);
    }
}

static void put_token(FILE *out, const void *p, size_t n, unsigned rank)
{
    put_base64(out, p, n);
    fprintf(out, " %u\n", rank);
}

static void put_bytes(FILE *out)
{
    for (unsigned byte = 0; byte < 256; byte++)
        put_token(out, &(uint8_t){(uint8_t)byte}, 1, byte);
}

static void put_vocabulary(const char *path)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    put_bytes(out);
    for (unsigned i = 0; i < MERGES; i++)
        put_token(out, merges[i], strlen(merges[i]), 256 + i);
    assert_int_equal(fclose(out), 0);
}

static int prepare_in_a_folder(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    char why[300] = "";

    strcpy(f->folder, "/tmp/petiole-vocabulary-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->text, sizeof(f->text), "%s/text", f->folder);
    snprintf(f->prepared, sizeof(f->prepared), "%s/prepared", f->folder);
    put_vocabulary(f->text);
    if (vocabulary_prepare(f->text, f->prepared, why, sizeof(why)) != 0 ||
        vocabulary_open(&f->v, f->prepared, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    *state = f;
    return 0;
}

static int remove_the_folder(void **state)
{
    struct files *f = *state;

    vocabulary_close(f->v);
    unlink(f->text);
    unlink(f->prepared);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

/* Joins, again and again, the leftmost of the neighbours whose union ranks first. */
static size_t merge_by_rank(const struct vocabulary *v, const uint8_t *p, size_t n,
                            uint32_t *ids)
{
    size_t *starts = malloc((n + 1) * sizeof(*starts)), parts = n;

    for (size_t i = 0; i <= n; i++)
        starts[i] = i;
    for (;;) {
        uint32_t best = VOCABULARY_NONE;
        size_t where = 0;
        for (size_t i = 0; i + 2 <= parts; i++) {
            uint32_t id = vocabulary_find(v, p + starts[i], starts[i + 2] - starts[i]);
            if (id < best) {
                best = id;
                where = i;
            }
        }
        if (best == VOCABULARY_NONE)
            break;
        memmove(starts + where + 1, starts + where + 2,
                (parts - where - 1) * sizeof(*starts));
        parts--;
    }
    for (size_t i = 0; i < parts; i++)
        ids[i] = vocabulary_find(v, p + starts[i], starts[i + 1] - starts[i]);
    free(starts);
    return parts;
}

static void check_like_merging(const struct vocabulary *v, const uint8_t *p, size_t n)
{
    struct bpe_scratch scratch = {0};
    struct token_list got = {0};
    uint32_t want[200];

    size_t parts = merge_by_rank(v, p, n, want);
    assert_int_equal(bpe_encode(v, &scratch, p, n, 0, &got), 0);
    assert_int_equal(got.n, parts);
    assert_memory_equal(got.ids, want, parts * sizeof(*want));
    assert_int_equal(got.ends[got.n - 1], n);
    token_list_finish(&got);
    bpe_scratch_finish(&scratch);
}

static void tokens_are_those_of_merging_by_rank(void **state)
{
    const struct files *f = *state;
    uint8_t text[200];

    srandom(7);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + (size_t)random() % sizeof(text);
        int letters = 1 + (int)random() % 4;
        for (size_t i = 0; i < n; i++)
            text[i] = (uint8_t)('a' + random() % letters);
        check_like_merging(f->v, text, n);
    }
}

static uint64_t steps_for(const struct vocabulary *v, const char *unit, size_t n)
{
    struct bpe_scratch scratch = {0};
    struct token_list out = {0};
    size_t len = strlen(unit);
    uint8_t *text = malloc(n);

    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)unit[i % len];
    assert_int_equal(bpe_encode(v, &scratch, text, n, 0, &out), 0);
    uint64_t steps = scratch.steps;
    token_list_finish(&out);
    bpe_scratch_finish(&scratch);
    free(text);
    return steps;
}

static void twice_the_text_is_twice_the_work(void **state)
{
    const struct files *f = *state;
    const char *units[] = {"a", "ab", "aab", "abb", "cab", "ababa", "x"};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        uint64_t once = steps_for(f->v, units[i], 100000);
        uint64_t twice = steps_for(f->v, units[i], 200000);
        assert_in_range(once, 1, 100000 * 40);
        assert_in_range(twice, 1, once * 2 + 1000);
    }
}

static void the_longest_match_is_found_at_every_end(void **state)
{
    const struct files *f = *state;
    const uint8_t text[] = "cababaaaaaaaaab";

    for (size_t n = 1; n < sizeof(text); n++) {
        size_t longest = 0;
        for (size_t len = 1; len <= n; len++)
            if (vocabulary_find(f->v, text, len) != VOCABULARY_NONE)
                longest = len;
        assert_int_equal(vocabulary_len(f->v, vocabulary_longest(f->v, text, n)),
                         longest);
    }
}

static uint8_t *read_file(const char *path, size_t *n)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    uint8_t *bytes = malloc(1 << 24);
    *n = fread(bytes, 1, 1 << 24, in);
    fclose(in);
    return bytes;
}

static int open_bytes(const struct files *f, const uint8_t *bytes, size_t n, char *why)
{
    char path[128];
    struct vocabulary *v = NULL;

    snprintf(path, sizeof(path), "%s/damaged", f->folder);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fwrite(bytes, 1, n, out);
    fclose(out);
    int status = vocabulary_open(&v, path, why, 300);
    vocabulary_close(v);
    unlink(path);
    return status;
}

static void damage_is_refused_wherever_it_is(void **state)
{
    const struct files *f = *state;
    size_t n;
    char why[300];
    uint8_t *bytes = read_file(f->prepared, &n);

    assert_int_equal(open_bytes(f, bytes, n, why), 0);
    for (size_t cut = 0; cut < n; cut += 4099) {
        assert_true(open_bytes(f, bytes, cut, why) < 0);
        bytes[cut] ^= 0x40;
        assert_true(open_bytes(f, bytes, n, why) < 0);
        bytes[cut] ^= 0x40;
    }
    free(bytes);
}

/* A file whose sum was made to fit its lies must still not lead astray. */
static void lies_under_a_right_checksum_are_refused(void **state)
{
    const struct files *f = *state;
    size_t n;
    char why[300];
    uint8_t *bytes = read_file(f->prepared, &n);
    struct vocabulary_header *h = (struct vocabulary_header *)(void *)bytes;
    size_t at = sizeof(*h);

    for (int section = 0; section < SECTION_COUNT; section++) {
        uint8_t saved = bytes[at + 3];
        bytes[at + 3] = 0x7F;
        h->checksum = vocabulary_checksum(h + 1, n - sizeof(*h));
        if (section != SECTION_KEYS) /* only the order of searching depends on them */
            assert_int_equal(open_bytes(f, bytes, n, why), -22);
        bytes[at + 3] = saved;
        at += (h->section_bytes[section] + 7) & ~(uint64_t)7;
    }
    free(bytes);
}

static void a_missing_file_is_named(void **state)
{
    struct vocabulary *v = NULL;
    char why[300];

    (void)state;
    assert_int_equal(vocabulary_open(&v, "/nonexistent/v.ptlv", why, sizeof(why)), -2);
    assert_non_null(strstr(why, "/nonexistent/v.ptlv: No such file"));
    assert_null(v);
}

static void expect_refusal(const struct files *f, const char *line, const char *words)
{
    char path[128], out_path[128], why[300];

    snprintf(path, sizeof(path), "%s/odd", f->folder);
    snprintf(out_path, sizeof(out_path), "%s/odd.ptlv", f->folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    put_bytes(out);
    fputs(line, out);
    fclose(out);
    assert_int_equal(vocabulary_prepare(path, out_path, why, sizeof(why)), -22);
    assert_non_null(strstr(why, words));
    assert_int_equal(access(out_path, F_OK), -1);
    unlink(path);
}

static void odd_vocabularies_are_not_prepared(void **state)
{
    const struct files *f = *state;

    expect_refusal(f, "YWI= 300\n", "its ranks are not 0, 1, 2");
    expect_refusal(f, "YQ== 256\n", "a token is in it twice");
    expect_refusal(f, "YWJj 256\n", "a token is no merge of earlier ones");
    expect_refusal(f, "<html>\n", "a line is no token");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_merging_by_rank),
        cmocka_unit_test(twice_the_text_is_twice_the_work),
        cmocka_unit_test(the_longest_match_is_found_at_every_end),
        cmocka_unit_test(damage_is_refused_wherever_it_is),
        cmocka_unit_test(lies_under_a_right_checksum_are_refused),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(odd_vocabularies_are_not_prepared),
    };
    return cmocka_run_group_tests(tests, prepare_in_a_folder, remove_the_folder);
}
