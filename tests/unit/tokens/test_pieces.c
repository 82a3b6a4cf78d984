/* SPDX-License-Identifier: Apache-2.0 */
/* The split into pieces, alternative by alternative; needs no vocabulary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pieces.h"

/* The pieces, each behind a '|'. */
static void expect(const char *text, const char *pieces)
{
    char got[256];
    size_t n = strlen(text), len = 0;

    for (size_t at = 0, step; at < n; at += step) {
        step = piece_next((const uint8_t *)text + at, n - at);
        assert_in_range(step, 1, n - at);
        got[len++] = '|';
        memcpy(got + len, text + at, step);
        len += step;
    }
    got[len] = '\0';
    assert_string_equal(got, pieces);
}

static void words_take_one_character_before_them(void **state)
{
    (void)state;
    expect("Hello world", "|Hello| world");
    expect("(x) +y", "|(x|)| +|y");
    expect("a\u00a0b", "|a|\u00a0b");
    expect("\tx", "|\tx");
    expect("\nx", "|\n|x");
    expect("日本語、漢字", "|日本語|、漢字");
}

static void contractions_stand_alone_in_any_case(void **state)
{
    (void)state;
    expect("it's", "|it|'s");
    expect("WE'LL", "|WE|'LL");
    expect("we'Ve", "|we|'Ve");
    expect("'stop", "|'s|top");
    expect("'x", "|'x");
    expect("'l", "|'l");
    expect("'", "|'");
    expect("''s", "|''|s");
}

static void the_long_s_is_an_s_without_case(void **state)
{
    (void)state;
    expect("'\u017fx", "|'\u017f|x");
    expect("'\u017e", "|'\u017e");
}

static void numbers_come_in_threes(void **state)
{
    (void)state;
    expect("1234567", "|123|456|7");
    expect("½ⅷ²①", "|½ⅷ²|①");
    expect(" 12", "| |12");
    expect("12a", "|12|a");
}

static void other_characters_take_a_space_and_line_ends(void **state)
{
    (void)state;
    expect(" !!\r\n\nx", "| !!\r\n\n|x");
    expect("...", "|...");
    expect("\x01\x02", "|\x01\x02");
    expect("  --", "| | --");
    expect("👍🏽 👍", "|👍🏽| 👍");
}

static void white_space_leaves_one_for_the_next_word(void **state)
{
    (void)state;
    expect("a   b", "|a|  | b");
    expect("a  1", "|a| | |1");
    expect("a \t1", "|a| |\t|1");
    expect("a\u3000\u3000b", "|a|\u3000|\u3000b");
}

static void white_space_ends_behind_its_last_line_end(void **state)
{
    (void)state;
    expect("a \n\n  b", "|a| \n\n| | b");
    expect("a\r\n\r\nb", "|a|\r\n\r\n|b");
    expect("\n \n\tx", "|\n \n|\tx");
}

static void white_space_at_the_end_is_one_piece(void **state)
{
    (void)state;
    expect("a   ", "|a|   ");
    expect("a\n  ", "|a|\n  ");
    expect(" ", "| ");
    expect("\u2028\xC2\x85", "|\u2028\xC2\x85");
}

static void letters_are_those_of_unicode_16(void **state)
{
    (void)state;
    expect("a\U00010d4a", "|a\U00010d4a");  /* new in 16.0 */
    expect("a\U000323b0", "|a|\U000323b0"); /* new in 17.0 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_take_one_character_before_them),
        cmocka_unit_test(contractions_stand_alone_in_any_case),
        cmocka_unit_test(the_long_s_is_an_s_without_case),
        cmocka_unit_test(numbers_come_in_threes),
        cmocka_unit_test(other_characters_take_a_space_and_line_ends),
        cmocka_unit_test(white_space_leaves_one_for_the_next_word),
        cmocka_unit_test(white_space_ends_behind_its_last_line_end),
        cmocka_unit_test(white_space_at_the_end_is_one_piece),
        cmocka_unit_test(letters_are_those_of_unicode_16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
