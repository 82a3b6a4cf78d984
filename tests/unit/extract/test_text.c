/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder alone: every vector whole, torn at each byte, and byte by byte. */
#include "../../../tasks/kit/extract/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct vector {
    enum text_encoding encoding;
    const char *bytes;
    size_t n;
    const char *text;
};

#define BYTES(s) s, sizeof(s) - 1
#define FFFD "\xef\xbf\xbd"

static const struct vector vectors[] = {
    {TEXT_UTF8, BYTES(""), ""},
    {TEXT_UTF8, BYTES("plain"), "plain"},
    {TEXT_UTF8, BYTES("\xef\xbb\xbfmarked"), "marked"},
    {TEXT_UTF8, BYTES("a\xef\xbb\xbf"), "a\xef\xbb\xbf"},
    {TEXT_UTF8, BYTES("a\r\nb\rc\nd\r\r\n"), "a\nb\nc\nd\n\n"},
    {TEXT_UTF8, BYTES("a\0b\x01\x7f\tc\f"), "a b  \tc "},
    {TEXT_UTF8, BYTES("\xc2\x80\xc2\x9f\xc2\xa0"), "  \xc2\xa0"},
    {TEXT_UTF8, BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d"),
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d"},
    {TEXT_UTF8, BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
    /* Cut off, overlong, a surrogate, beyond U+10FFFF, stray: as Python's "replace". */
    {TEXT_UTF8, BYTES("\xc3"), FFFD},
    {TEXT_UTF8, BYTES("\xe2\x82"), FFFD},
    {TEXT_UTF8, BYTES("\xe2\x82x"), FFFD "x"},
    {TEXT_UTF8, BYTES("\xe2\xc3\xa9"), FFFD "\xc3\xa9"},
    {TEXT_UTF8, BYTES("\xc0\x80"), FFFD FFFD},
    {TEXT_UTF8, BYTES("\xe0\x80\x80"), FFFD FFFD FFFD},
    {TEXT_UTF8, BYTES("\xed\xa0\x80"), FFFD FFFD FFFD},
    {TEXT_UTF8, BYTES("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD},
    {TEXT_UTF8, BYTES("\xf0\x9f\x90"), FFFD},
    {TEXT_UTF8, BYTES("\xff\xfe\x80"), FFFD FFFD FFFD},
    {TEXT_UTF16LE, BYTES("\xff\xfeh\0\xe9\0\xac\x20"), "h\xc3\xa9\xe2\x82\xac"},
    {TEXT_UTF16BE, BYTES("\xfe\xff\0h\0\xe9\x20\xac"), "h\xc3\xa9\xe2\x82\xac"},
    {TEXT_UTF16LE, BYTES("\x3d\xd8\x1d\xdc"), "\xf0\x9f\x90\x9d"},
    {TEXT_UTF16LE, BYTES("\x3d\xd8x\0"), FFFD "x"},
    {TEXT_UTF16LE, BYTES("\x1d\xdcx\0"), FFFD "x"},
    {TEXT_UTF16LE, BYTES("\x3d\xd8\x3d\xd8\x1d\xdc"), FFFD "\xf0\x9f\x90\x9d"},
    {TEXT_UTF16BE, BYTES("\xd8\x3d"), FFFD},
    {TEXT_UTF16LE, BYTES("x\0y"), "x" FFFD},
    {TEXT_UTF16LE, BYTES("\r\0\n\0x\0"), "\nx"},
    {TEXT_LATIN1, BYTES("caf\xe9 \xff"), "caf\xc3\xa9 \xc3\xbf"},
    {TEXT_LATIN1, BYTES("\x80 \x93x\x94 \x81"),
     "\xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d  "},
};

/* Decodes in pieces that end where `cuts` says; the input is copied to exact sizes, so
 * that a read beyond it is seen by the sanitizer. */
static char *decode_in_pieces(const struct vector *v, const size_t *cuts, size_t n_cuts)
{
    struct text_decoder d = {.encoding = v->encoding};
    char *out = malloc(TEXT_DECODED_MAX(v->n) + 1);
    size_t from = 0, len = 0;

    for (size_t i = 0; i <= n_cuts; i++) {
        size_t upto = i < n_cuts ? cuts[i] : v->n;
        uint8_t *piece = malloc(upto - from ? upto - from : 1);

        memcpy(piece, v->bytes + from, upto - from);
        len += text_decode(&d, piece, upto - from, out + len);
        free(piece);
        from = upto;
    }
    len += text_decode_end(&d, out + len);
    out[len] = '\0';
    assert_int_equal(strlen(out), len);
    assert_int_equal(d.bytes, v->n);
    return out;
}

static void check_pieces(const struct vector *v, const size_t *cuts, size_t n_cuts)
{
    char *got = decode_in_pieces(v, cuts, n_cuts);

    assert_string_equal(got, v->text);
    free(got);
}

static void a_vector_decodes_the_same_whole_torn_and_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t each[64];

        check_pieces(&vectors[i], NULL, 0);
        for (size_t cut = 0; cut <= vectors[i].n; cut++)
            check_pieces(&vectors[i], &cut, 1);
        for (size_t k = 0; k < vectors[i].n; k++)
            each[k] = k;
        check_pieces(&vectors[i], each, vectors[i].n);
    }
}

static void a_form_feed_stays_where_pages_are_counted(void **state)
{
    struct text_decoder d = {.encoding = TEXT_UTF8, .keep_form_feed = true};
    char out[TEXT_DECODED_MAX(4)];

    (void)state;
    assert_int_equal(text_decode(&d, (const uint8_t *)"a\fb\v", 4, out), 4);
    assert_memory_equal(out, "a\fb ", 4);
}

static enum text_kind judge(const char *bytes, size_t n, const char **what,
                            struct text_decoder *d)
{
    char *out = malloc(TEXT_DECODED_MAX(n));
    size_t head = n < TEXT_HEAD ? n : TEXT_HEAD;
    enum text_kind kind;

    *d = (struct text_decoder){.encoding =
                                   text_encoding_of((const uint8_t *)bytes, head)};
    text_decode(d, (const uint8_t *)bytes, n, out);
    text_decode_end(d, out);
    kind = text_judge(d, (const uint8_t *)bytes, head, what);
    free(out);
    return kind;
}

static void a_file_is_judged_by_all_its_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum text_kind kind;
    } files[] = {
        {BYTES("plain ASCII"), TEXT_AS_DECODED},
        {BYTES("na\xc3\xafve"), TEXT_AS_DECODED},
        {BYTES("\xff\xfeh\0i\0"), TEXT_AS_DECODED},
        {BYTES("caf\xe9, voil\xe0"), TEXT_AS_LATIN1},
        {BYTES("d\xc3\xa9j\xc3\xa0 vu \xc3"), TEXT_DAMAGED},
        {BYTES("\xef\xbb\xbf"
               "caf\xe9"),
         TEXT_DAMAGED},
        {BYTES("\xff\xfeh\0i"), TEXT_DAMAGED},
        {BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0"), TEXT_BINARY},
        {BYTES("%PDF-1.4 and so on"), TEXT_BINARY},
        {BYTES("h\0i\0 \0t\0h\0e\0r\0e\0"), TEXT_BINARY}, /* UTF-16 without its mark */
        {BYTES("\x1b[1mbold\x1b[0m\f"), TEXT_AS_DECODED},
    };
    struct text_decoder d;
    const char *what;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(judge(files[i].bytes, files[i].n, &what, &d), files[i].kind);
}

static void an_accent_behind_the_first_hundred_bytes_still_counts(void **state)
{
    char bytes[301];
    struct text_decoder d;
    const char *what;

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    bytes[300] = '\xe9';
    assert_int_equal(judge(bytes, sizeof bytes, &what, &d), TEXT_AS_LATIN1);
    memcpy(bytes + 299, "\xc3\xa9", 2);
    assert_int_equal(judge(bytes, sizeof bytes, &what, &d), TEXT_AS_DECODED);
}

static void the_first_invalid_byte_is_named(void **state)
{
    struct text_decoder d;
    const char *what;

    (void)state;
    judge(BYTES("\xc3\xa9\xc3\xa9 \xff \xff"), &what, &d);
    assert_int_equal(d.first_bad, 5);
    assert_int_equal(d.bad, 2);
}

static void a_binary_with_a_known_head_is_named(void **state)
{
    struct text_decoder d;
    const char *what;

    (void)state;
    assert_int_equal(judge(BYTES("PK\3\4rest"), &what, &d), TEXT_BINARY);
    assert_string_equal(what, "a ZIP archive (as DOCX, XLSX and ODT are)");
}

static void random_bytes_are_never_text(void **state)
{
    uint32_t seed = 20;
    struct text_decoder d;
    const char *what;
    char bytes[2000];

    (void)state;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (char)(seed >> 24);
        }
        switch (judge(bytes, sizeof bytes, &what, &d)) {
        case TEXT_BINARY:
            break;
        case TEXT_DAMAGED: /* they may begin with UTF-16's mark by chance */
            assert_int_not_equal(d.encoding, TEXT_UTF8);
            break;
        default:
            fail_msg("round %d is taken for text", round);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_decodes_the_same_whole_torn_and_byte_by_byte),
        cmocka_unit_test(a_form_feed_stays_where_pages_are_counted),
        cmocka_unit_test(a_file_is_judged_by_all_its_bytes),
        cmocka_unit_test(an_accent_behind_the_first_hundred_bytes_still_counts),
        cmocka_unit_test(the_first_invalid_byte_is_named),
        cmocka_unit_test(a_binary_with_a_known_head_is_named),
        cmocka_unit_test(random_bytes_are_never_text),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
