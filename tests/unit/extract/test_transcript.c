/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a helper's output: page marks, caps, and nothing invalid. */
#include "../../../tasks/kit/extract/transcript.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool memory_is_out;
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

/* The linker puts it in realloc's place. */
void *__wrap_realloc(void *p, size_t n)
{
    return memory_is_out ? NULL : __real_realloc(p, n);
}

static const char three_pages[] = "\n\n  One.\nMore.\n\n\f \n\n\fThree \xc3\xa9.\n\n\f";
static const char marked[] = "\n## Pagina 1\n\nOne.\nMore.\n\n"
                             "\n## Pagina 3\n\nThree \xc3\xa9.\n\n";

static void pages_are_marked_and_empty_ones_skipped(void **state)
{
    size_t n = sizeof three_pages - 1;

    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        struct transcript t;

        transcript_init(&t, true, 1000);
        assert_int_equal(transcript_add(&t, three_pages, cut), 0);
        assert_int_equal(transcript_add(&t, three_pages + cut, n - cut), 0);
        assert_int_equal(transcript_end(&t), 0);
        assert_string_equal(t.text, marked);
        assert_int_equal(t.len, sizeof marked - 1);
        assert_int_equal(t.pages, 3);
        transcript_finish(&t);
    }
}

static void the_last_page_need_not_be_ended(void **state)
{
    struct transcript t;

    (void)state;
    transcript_init(&t, true, 1000);
    transcript_add(&t, "a\fb", 3);
    assert_int_equal(transcript_end(&t), 0);
    assert_string_equal(t.text, "\n## Pagina 1\n\na\n\n\n## Pagina 2\n\nb\n\n");
    assert_int_equal(t.pages, 2);
    transcript_finish(&t);
}

static void pages_without_text_are_no_text(void **state)
{
    struct transcript t;

    (void)state;
    transcript_init(&t, true, 1000);
    transcript_add(&t, "\f \n\f\f", 5);
    assert_int_equal(transcript_end(&t), 0);
    assert_false(t.has_text);
    assert_int_equal(t.len, 0);
    assert_int_equal(t.pages, 3);
    transcript_finish(&t);
}

static void text_up_to_the_cap_is_kept_and_one_byte_more_refused(void **state)
{
    struct transcript t;

    (void)state;
    transcript_init(&t, false, 10);
    assert_int_equal(transcript_add(&t, "0123456789", 10), 0);
    assert_int_equal(transcript_end(&t), 0);
    assert_string_equal(t.text, "0123456789");
    assert_int_equal(transcript_add(&t, "x", 1), -EFBIG);
    transcript_finish(&t);
}

static void page_marks_count_towards_the_cap(void **state)
{
    struct transcript t;

    (void)state;
    transcript_init(&t, true, 15);
    assert_int_equal(transcript_add(&t, "ab", 2), -EFBIG);
    transcript_finish(&t);
}

static void invalid_output_becomes_valid(void **state)
{
    struct transcript t;

    (void)state;
    transcript_init(&t, false, 100);
    transcript_add(&t, "a\0b\xff\xed\xa0", 6);
    assert_int_equal(transcript_end(&t), 0);
    assert_string_equal(t.text, "a b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    transcript_finish(&t);
}

static void without_memory_what_was_kept_stays_and_is_freed(void **state)
{
    static char long_text[10000];
    struct transcript t;

    (void)state;
    memset(long_text, 'x', sizeof long_text);
    transcript_init(&t, false, sizeof long_text);
    assert_int_equal(transcript_add(&t, "begun", 5), 0);
    memory_is_out = true;
    assert_int_equal(transcript_add(&t, long_text, sizeof long_text - 5), -ENOMEM);
    memory_is_out = false;
    assert_memory_equal(t.text, "begun", 5);
    transcript_finish(&t);
    memory_is_out = true;
    transcript_init(&t, true, 100);
    assert_int_equal(transcript_add(&t, "x", 1), -ENOMEM);
    assert_int_equal(transcript_end(&t), -ENOMEM);
    memory_is_out = false;
    transcript_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_marked_and_empty_ones_skipped),
        cmocka_unit_test(the_last_page_need_not_be_ended),
        cmocka_unit_test(pages_without_text_are_no_text),
        cmocka_unit_test(text_up_to_the_cap_is_kept_and_one_byte_more_refused),
        cmocka_unit_test(page_marks_count_towards_the_cap),
        cmocka_unit_test(invalid_output_becomes_valid),
        cmocka_unit_test(without_memory_what_was_kept_stays_and_is_freed),
    };
    return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
