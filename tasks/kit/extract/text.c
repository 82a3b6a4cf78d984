/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

#define REPLACEMENT 0xfffd

static const uint16_t windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static bool is_control(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c <= 0x9f);
}

/* Terminals' escapes and page breaks stand in honest text files too: they are cleaned
 * away but do not speak for a binary. */
static bool is_suspicious(uint32_t c)
{
    return c < 0x20 && c != '\r' && c != '\f' && c != '\b' && c != 0x1b;
}

static size_t put(struct text_decoder *d, uint32_t c, char *out)
{
    bool first = !d->started, second_of_crlf = d->after_cr && c == '\n';

    d->started = true;
    d->after_cr = c == '\r';
    if ((first && c == 0xfeff) || second_of_crlf)
        return 0;
    if (c == '\r')
        return encode('\n', out);
    if (is_control(c) && !(c == '\f' && d->keep_form_feed)) {
        d->controls += is_suspicious(c);
        c = ' ';
    }
    d->wide += c >= 0x80;
    return encode(c, out);
}

/* The sequence that began at d->began is not of this encoding. */
static size_t put_bad(struct text_decoder *d, char *out)
{
    if (d->bad++ == 0)
        d->first_bad = d->began;
    d->started = true;
    d->after_cr = false;
    return encode(REPLACEMENT, out);
}

/* The first byte of a sequence fixes its length, and the range of its second byte:
 * that range is what rules out overlong forms, surrogates and values past U+10FFFF. */
static bool utf8_start(struct text_decoder *d, uint8_t b)
{
    d->lowest = 0x80;
    d->highest = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) {
        d->missing = 1;
        d->partial = b & 0x1f;
    } else if (b >= 0xe0 && b <= 0xef) {
        d->missing = 2;
        d->partial = b & 0x0f;
        d->lowest = b == 0xe0 ? 0xa0 : 0x80;
        d->highest = b == 0xed ? 0x9f : 0xbf;
    } else if (b >= 0xf0 && b <= 0xf4) {
        d->missing = 3;
        d->partial = b & 0x07;
        d->lowest = b == 0xf0 ? 0x90 : 0x80;
        d->highest = b == 0xf4 ? 0x8f : 0xbf;
    } else {
        return false;
    }
    return true;
}

static size_t utf8_byte(struct text_decoder *d, uint8_t b, char *out)
{
    size_t written = 0;

    if (d->missing && (b < d->lowest || b > d->highest)) {
        d->missing = 0; /* what began is broken off; b may begin something new */
        written = put_bad(d, out);
    }
    if (d->missing) {
        d->partial = d->partial << 6 | (b & 0x3f);
        d->lowest = 0x80;
        d->highest = 0xbf;
        return --d->missing ? 0 : put(d, d->partial, out);
    }
    d->began = d->bytes;
    if (b < 0x80)
        return written + put(d, b, out + written);
    if (!utf8_start(d, b))
        return written + put_bad(d, out + written);
    return written;
}

static size_t utf16_unit(struct text_decoder *d, uint16_t unit, char *out)
{
    bool high = unit >= 0xd800 && unit <= 0xdbff,
         low = unit >= 0xdc00 && unit <= 0xdfff;
    uint16_t lead = d->lead;
    size_t written = 0;

    d->lead = 0;
    if (lead && low)
        return put(d, 0x10000 + ((lead & 0x3ffu) << 10 | (unit & 0x3ffu)), out);
    if (lead) {
        written = put_bad(d, out);
        d->began = d->bytes - 1;
    }
    if (high)
        d->lead = unit;
    else if (low)
        written += put_bad(d, out + written);
    else
        written += put(d, unit, out + written);
    return written;
}

static size_t utf16_byte(struct text_decoder *d, uint8_t b, char *out)
{
    if (!d->held) {
        d->half = b;
        d->held = 1;
        if (!d->lead)
            d->began = d->bytes;
        return 0;
    }
    d->held = 0;
    if (d->encoding == TEXT_UTF16LE)
        return utf16_unit(d, (uint16_t)(b << 8 | d->half), out);
    return utf16_unit(d, (uint16_t)(d->half << 8 | b), out);
}

static size_t decode_byte(struct text_decoder *d, uint8_t b, char *out)
{
    switch (d->encoding) {
    case TEXT_UTF16LE:
    case TEXT_UTF16BE:
        return utf16_byte(d, b, out);
    case TEXT_LATIN1:
        return put(d, b >= 0x80 && b <= 0x9f ? windows_1252[b - 0x80] : b, out);
    case TEXT_UTF8:
        break;
    }
    return utf8_byte(d, b, out);
}

/* Most text is mostly this: copied without a question per byte. */
static size_t copy_plain(struct text_decoder *d, const uint8_t *in, size_t n, char *out)
{
    size_t i = 0;

    if (d->missing || d->encoding == TEXT_UTF16LE || d->encoding == TEXT_UTF16BE)
        return 0;
    while (i < n && in[i] >= 0x20 && in[i] < 0x7f) {
        out[i] = (char)in[i];
        i++;
    }
    if (i) {
        d->started = true;
        d->after_cr = false;
        d->bytes += i;
    }
    return i;
}

size_t text_decode(struct text_decoder *d, const uint8_t *in, size_t n, char *out)
{
    char *start = out;

    for (size_t i = 0; i < n;) {
        size_t plain = copy_plain(d, in + i, n - i, out);
        i += plain;
        out += plain;
        if (i < n) {
            out += decode_byte(d, in[i++], out);
            d->bytes++;
        }
    }
    return (size_t)(out - start);
}

size_t text_decode_end(struct text_decoder *d, char *out)
{
    bool torn = d->missing || d->held || d->lead;

    d->missing = d->held = 0;
    d->lead = 0;
    return torn ? put_bad(d, out) : 0;
}

enum text_encoding text_encoding_of(const uint8_t *head, size_t n)
{
    if (n >= 2 && head[0] == 0xff && head[1] == 0xfe)
        return TEXT_UTF16LE;
    if (n >= 2 && head[0] == 0xfe && head[1] == 0xff)
        return TEXT_UTF16BE;
    return TEXT_UTF8;
}

static const char *known_binary(const uint8_t *head, size_t n)
{
    static const struct {
        const char *magic, *name;
    } formats[] = {
        {"%PDF-", "a PDF"},
        {"PK\3\4", "a ZIP archive (as DOCX, XLSX and ODT are)"},
        {"\177ELF", "a program"},
        {"\211PNG", "a PNG image"},
        {"\377\330\377", "a JPEG image"},
        {"GIF8", "a GIF image"},
        {"\037\213", "gzip-compressed"},
        {"\375"
         "7zXZ",
         "xz-compressed"},
        {"\320\317\021\340", "an old Office document"},
        {"{\\rtf", "an RTF document"},
    };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        size_t len = strlen(formats[i].magic);
        if (n >= len && memcmp(head, formats[i].magic, len) == 0)
            return formats[i].name;
    }
    return NULL;
}

/* Random or compressed bytes are one ninth suspicious. Text that is valid as UTF-8 or
 * UTF-16 has shown good will, so it may hold more of them than text that is not. */
static bool looks_binary(const struct text_decoder *d)
{
    uint64_t tolerated = d->bad ? d->bytes / 50 : d->bytes / 12;

    return d->controls > tolerated;
}

enum text_kind text_judge(const struct text_decoder *d, const uint8_t *head, size_t n,
                          const char **what)
{
    bool has_bom = n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0;

    *what = known_binary(head, n);
    if (*what || looks_binary(d))
        return TEXT_BINARY;
    if (!d->bad)
        return TEXT_AS_DECODED;
    /* Latin-1 text hardly ever holds what happens to be well-formed UTF-8. To read
     * damaged UTF-8 as Latin-1 would turn every accent in it into two wrong letters
     * without a word. */
    if (d->encoding != TEXT_UTF8 || has_bom || d->wide > d->bad)
        return TEXT_DAMAGED;
    return TEXT_AS_LATIN1;
}
