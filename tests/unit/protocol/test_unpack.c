/* SPDX-License-Identifier: Apache-2.0 */
/* Compressions: what Python's libraries packed is unpacked, whole or not at all. */
#include "../../../protocol/unpack.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

#define TEXT "[[], {\"pad\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}, {}]"

static const struct {
    const char *type, *packed; /* in hexadecimal */
} cases[] = {
    {"application/x-gzip",
     "789c8b8e8ed551a8562a484c51b252504a241228d50235d5c602007b861538"},
    {"zlib", "789c8b8e8ed551a8562a484c51b252504a241228d50235d5c602007b861538"},
    {"application/x-bz2",
     "425a68393141592653597d62ab6f0000059b8054040010000a2400400a2000310340d01a8f4d43c88"
     "90757d9321b14b4b09636fe2ee48a70a120fac556de"},
    {"bzip2", "425a68393141592653597d62ab6f0000059b8054040010000a2400400a2000310340d01a"
              "8f4d43c8890757d9321b14b4b09636fe2ee48a70a120fac556de"},
    {"application/x-lzma",
     "fd377a585a000004e6d6b4460200210116000000742fe5a3e0003c001c5d002de17058203d8ce2491"
     "74c24d4653ed68058e4d91926c109fc5c5a000024dbce922bab08820001383dc145716f1fb6f37d01"
     "0000000004595a"},
    {"xz", "fd377a585a000004e6d6b4460200210116000000742fe5a3e0003c001c5d002de17058203d8"
           "ce249174c24d4653ed68058e4d91926c109fc5c5a000024dbce922bab08820001383dc14571"
           "6f1fb6f37d010000000004595a"},
    {"application/zstd",
     "28b52ffd203de50000b05b5b5d2c207b22706164223a202261227d2c207b7d5d01004a5007"},
    {"zstandard",
     "28b52ffd203de50000b05b5b5d2c207b22706164223a202261227d2c207b7d5d01004a5007"},
    {"application/x-brotli", "1b3c00f82d0e7813d3533823f099e634ad16d9daeb5b617009a2d3572"
                             "c5d2542969148e2542140c445652ae03d"},
    {"brotli", "1b3c00f82d0e7813d3533823f099e634ad16d9daeb5b617009a2d3572c5d2542969148e"
               "2542140c445652ae03d"},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* The packed bytes in a block of exactly their size. Free .p. */
static struct str packed_bytes(size_t i)
{
    struct str hex = str_of(cases[i].packed);
    char *bytes = malloc(hex.n / 2);

    for (size_t n = 0; n < hex.n / 2; n++) {
        char digits[3] = {hex.p[2 * n], hex.p[2 * n + 1], '\0'};
        bytes[n] = (char)strtol(digits, NULL, 16);
    }
    return (struct str){bytes, hex.n / 2};
}

static enum unpack_result unpack_at_most(struct str packed, const char *type,
                                         size_t max, struct str expected)
{
    struct wr out;

    wr_init(&out, max);
    enum unpack_result result = unpack(&out, str_of(type), packed);
    if (result == UNPACK_OK)
        assert_str(wr_str(&out), expected);
    wr_finish(&out);
    return result;
}

/* zstd, xz and brotli are only there if the build found them. */
static bool is_built(size_t i)
{
    struct str none = {"", 0};

    return unpack_at_most(none, cases[i].type, 10, none) != UNPACK_UNKNOWN;
}

static void everything_unpacks_by_its_type_and_its_alias(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct str packed = packed_bytes(i);
        if (is_built(i))
            assert_int_equal(unpack_at_most(packed, cases[i].type, 1000, STR(TEXT)),
                             UNPACK_OK);
        free((char *)packed.p);
    }
    assert_true(is_built(0) && is_built(2));
}

static void nothing_unpacks_beyond_the_writers_maximum(void **state)
{
    size_t size = sizeof(TEXT) - 1;
    (void)state;

    for (size_t i = 0; i < CASES; i++) {
        struct str packed = packed_bytes(i);
        const char *type = cases[i].type;
        if (is_built(i)) {
            assert_int_equal(unpack_at_most(packed, type, size, STR(TEXT)), UNPACK_OK);
            assert_int_equal(unpack_at_most(packed, type, size - 1, STR(TEXT)),
                             UNPACK_TOO_LARGE);
        }
        free((char *)packed.p);
    }
}

static void every_prefix_is_corrupt(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct str packed = packed_bytes(i);
        for (size_t n = 0; is_built(i) && n < packed.n; n++) {
            struct str torn = boxed((struct str){packed.p, n});
            assert_int_equal(unpack_at_most(torn, cases[i].type, 1000, STR(TEXT)),
                             UNPACK_CORRUPT);
            free((char *)torn.p);
        }
        free((char *)packed.p);
    }
}

static void one_compression_is_not_taken_for_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct str packed = packed_bytes((i + 2) % CASES);
        if (is_built(i))
            assert_int_not_equal(unpack_at_most(packed, cases[i].type, 1000, STR(TEXT)),
                                 UNPACK_OK);
        free((char *)packed.p);
    }
    assert_int_equal(unpack_at_most(STR("x"), "snappy", 10, STR("")), UNPACK_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_unpacks_by_its_type_and_its_alias),
        cmocka_unit_test(nothing_unpacks_beyond_the_writers_maximum),
        cmocka_unit_test(every_prefix_is_corrupt),
        cmocka_unit_test(one_compression_is_not_taken_for_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
