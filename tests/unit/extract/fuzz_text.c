/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_text - any bytes, in any encoding, whole and torn: the same clean UTF-8. */
#include "../../../tasks/kit/extract/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* utf8 as the Unicode standard's table 3-7 has it, written apart from the decoder. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (left >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && p[1] >> 6 == 2)
        return 2;
    if (left >= 3 && p[0] >> 4 == 0xe && p[1] >> 6 == 2 && p[2] >> 6 == 2)
        return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ? 0 : 3;
    if (left >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4 && p[1] >> 6 == 2 && p[2] >> 6 == 2 &&
        p[3] >> 6 == 2)
        return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
    return 0;
}

static void check_clean(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = sequence_length(p + i, n - i);

        assert(len > 0);
        assert(p[i] >= 0x20 || p[i] == '\n' || p[i] == '\t');
        assert(p[i] != 0x7f);
        assert(!(p[i] == 0xc2 && p[i + 1] < 0xa0));
        i += len;
    }
}

/* A copy of the exact size, so that the sanitizer sees a read beyond it. */
static size_t feed(struct text_decoder *d, const uint8_t *data, size_t n, char *out)
{
    uint8_t *copy = malloc(n ? n : 1);
    size_t len;

    if (n)
        memcpy(copy, data, n);
    len = text_decode(d, copy, n, out);
    assert(len <= TEXT_DECODED_MAX(n));
    free(copy);
    return len;
}

static size_t decode_cut(const uint8_t *data, size_t size, size_t cut,
                         struct text_decoder *d, char *out)
{
    size_t len = feed(d, data, cut, out);

    len += feed(d, data + cut, size - cut, out + len);
    len += text_decode_end(d, out + len);
    assert(len <= TEXT_DECODED_MAX(size));
    return len;
}

/* The first two bytes choose the encoding and where the rest is torn. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_decoder whole = {0}, torn = {0};
    const char *what;
    char *a, *b;
    size_t a_len, b_len, cut;

    if (size < 2)
        return 0;
    whole.encoding = torn.encoding = (enum text_encoding)(data[0] % 4);
    size -= 2;
    cut = data[1] < size ? data[1] : size;
    data += 2;
    a = malloc(TEXT_DECODED_MAX(size));
    b = malloc(TEXT_DECODED_MAX(size));
    a_len = decode_cut(data, size, size, &whole, a);
    b_len = decode_cut(data, size, cut, &torn, b);
    assert(a_len == b_len && memcmp(a, b, a_len) == 0);
    assert(whole.bad == torn.bad && whole.wide == torn.wide);
    assert(whole.bad == 0 || whole.first_bad < size);
    assert(whole.first_bad == torn.first_bad);
    check_clean((const uint8_t *)a, a_len);
    text_judge(&whole, data, size < TEXT_HEAD ? size : TEXT_HEAD, &what);
    free(a);
    free(b);
    return 0;
}
