/* SPDX-License-Identifier: Apache-2.0 */
/* Broken UTF-8, compared with what Python 3.11 answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replace.h"

#define R "\xEF\xBF\xBD"

static void expect(const char *broken, const char *replaced)
{
    /* An exact-size copy, so that a read behind the end is seen. */
    size_t n = strlen(broken);
    char *copy = malloc(n + (n == 0));
    memcpy(copy, broken, n);

    struct str got = replace_broken((struct str){copy, n});
    assert_non_null(got.p);
    assert_string_equal(got.p, replaced);
    assert_int_equal(got.n, strlen(replaced));
    assert_int_equal(replace_is_clean((struct str){copy, n}),
                     strcmp(broken, replaced) == 0);
    free((char *)got.p);
    free(copy);
}

static void sound_text_is_kept(void **state)
{
    (void)state;
    expect("", "");
    expect("plain and longer than eight bytes", "plain and longer than eight bytes");
    expect("\u00e9\u20ac\U0001f600\U0010ffff", "\u00e9\u20ac\U0001f600\U0010ffff");
    expect("12345678\u00e9", "12345678\u00e9");
}

static void each_lone_byte_becomes_one_replacement(void **state)
{
    (void)state;
    expect("\x80\xbf\xff", R R R);
    expect("a\xff"
           "b",
           "a" R "b");
    expect("\xc0\x80", R R);
    expect("\xe0\x80\x80", R R R);
    expect("\xf5\x80\x80\x80", R R R R);
}

static void a_cut_character_becomes_one_replacement(void **state)
{
    (void)state;
    expect("\xc3 ", R " ");
    expect("\xe2\x82", R);
    expect("\xf0\x9f\x98x", R "x");
    expect("\xe1\x80\xff", R R);
}

static void surrogates_and_what_lies_beyond_unicode_are_replaced(void **state)
{
    (void)state;
    expect("\xed\xa0\x80", R R R);
    expect("\xf4\x90\x80\x80", R R R R);
    expect("\xed\x9f\xbf", "\xed\x9f\xbf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_text_is_kept),
        cmocka_unit_test(each_lone_byte_becomes_one_replacement),
        cmocka_unit_test(a_cut_character_becomes_one_replacement),
        cmocka_unit_test(surrogates_and_what_lies_beyond_unicode_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
