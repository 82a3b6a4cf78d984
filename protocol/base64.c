/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - four characters for three bytes, forgiving as Python is. */
#include "base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NO 0xff /* not of the alphabet */
#define NO4 NO, NO, NO, NO
#define NO16 NO4, NO4, NO4, NO4

static const uint8_t six_bits[256] = {
    NO16, NO16, NO4,  NO4,  NO,   NO,   NO,   62,   NO, NO, NO, 63,      /* + / */
    52,   53,   54,   55,   56,   57,   58,   59,   60, 61, NO, NO, NO4, /* 0 .. 9 */
    NO,   0,    1,    2,    3,    4,    5,    6,    7,  8,  9,  10, 11,
    12,   13,   14,                                                      /* A .. */
    15,   16,   17,   18,   19,   20,   21,   22,   23, 24, 25, NO, NO4, /* .. Z */
    NO,   26,   27,   28,   29,   30,   31,   32,   33, 34, 35, 36, 37,
    38,   39,   40,                                                      /* a .. */
    41,   42,   43,   44,   45,   46,   47,   48,   49, 50, 51, NO, NO4, /* .. z */
    NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16,
};

/* Whole groups of four plain characters, as many as there are. */
static const uint8_t *decode_groups(const uint8_t *in, const uint8_t *end,
                                    uint8_t **out)
{
    uint8_t *o = *out;

    for (; end - in >= 4; in += 4, o += 3) {
        uint32_t a = six_bits[in[0]], b = six_bits[in[1]];
        uint32_t c = six_bits[in[2]], d = six_bits[in[3]];
        if ((a | b | c | d) & 0x80)
            break;
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        o[0] = (uint8_t)(v >> 16);
        o[1] = (uint8_t)(v >> 8);
        o[2] = (uint8_t)v;
    }
    *out = o;
    return in;
}

/* The rest, character by character, in the manner of Python's binascii. False if the
 * text ends inside a group. */
static bool decode_rest(const uint8_t *in, const uint8_t *end, uint8_t **out)
{
    uint8_t *o = *out;
    uint32_t bits = 0;
    int in_group = 0, pads = 0;

    for (; in < end; in++) {
        if (*in == '=' && in_group >= 2 && in_group + ++pads >= 4) {
            in_group = 0; /* padded to the full: Python reads no further */
            break;
        }
        uint8_t six = six_bits[*in];
        if (six == NO)
            continue;
        pads = 0;
        bits = bits << 6 | six;
        if (++in_group > 1)
            *o++ = (uint8_t)(bits >> (8 - 2 * in_group));
        if (in_group == 4)
            in_group = 0;
    }
    *out = o;
    return in_group == 0;
}

struct str base64_decode(struct arena *a, struct str text)
{
    uint8_t *start = arena_alloc(a, text.n / 4 * 3 + 4), *out = start;

    if (!start)
        return (struct str){NULL, 0};
    const uint8_t *in = (const uint8_t *)text.p, *end = in + text.n;
    in = decode_groups(in, end, &out);
    if (!decode_rest(in, end, &out))
        return (struct str){NULL, 0};
    *out = '\0';
    return (struct str){(char *)start, (size_t)(out - start)};
}

void base64_encode(struct wr *w, struct str bytes)
{
    const uint8_t *in = (const uint8_t *)bytes.p;
    size_t left = bytes.n;
    /* A length whose text would not fit an address space cannot be allocated. */
    char *o = wr_grow(w, left > SIZE_MAX / 2 ? SIZE_MAX : (left + 2) / 3 * 4);

    if (!o)
        return;
    for (; left >= 3; in += 3, left -= 3) {
        *o++ = alphabet[in[0] >> 2];
        *o++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        *o++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        *o++ = alphabet[in[2] & 63];
    }
    if (!left)
        return;
    uint8_t second = left == 2 ? in[1] : 0;
    *o++ = alphabet[in[0] >> 2];
    *o++ = alphabet[(in[0] & 3) << 4 | second >> 4];
    *o++ = left == 2 ? alphabet[(second & 15) << 2] : '=';
    *o++ = '=';
}
