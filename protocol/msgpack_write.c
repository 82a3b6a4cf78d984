/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack_write - values to bytes, each in the shortest form there is. */
#include "msgpack.h"
#include "typed.h"
#include "utf8.h"

#include <stdlib.h>

#define DEPTH_MAX 512 /* a handler may build deeper values than a message holds */

/* The type byte and then the number, its most significant byte first. */
static void put(struct wr *w, unsigned type, uint64_t v, size_t bytes)
{
    wr_u8(w, (uint8_t)type);
    while (bytes-- > 0)
        wr_u8(w, (uint8_t)(v >> 8 * bytes));
}

static void put_unsigned(struct wr *w, uint64_t v)
{
    if (v < 0x80)
        wr_u8(w, (uint8_t)v);
    else if (v <= UINT8_MAX)
        put(w, 0xcc, v, 1);
    else if (v <= UINT16_MAX)
        put(w, 0xcd, v, 2);
    else if (v <= UINT32_MAX)
        put(w, 0xce, v, 4);
    else
        put(w, 0xcf, v, 8);
}

static void put_int(struct wr *w, int64_t v)
{
    if (v >= 0)
        put_unsigned(w, (uint64_t)v);
    else if (v >= -32)
        wr_u8(w, (uint8_t)v);
    else if (v >= INT8_MIN)
        put(w, 0xd0, (uint64_t)v, 1);
    else if (v >= INT16_MIN)
        put(w, 0xd1, (uint64_t)v, 2);
    else if (v >= INT32_MIN)
        put(w, 0xd2, (uint64_t)v, 4);
    else
        put(w, 0xd3, (uint64_t)v, 8);
}

static bool put_big(struct wr *w, struct str digits)
{
    if (digits.p[0] == '-' || digits.n > 20 ||
        (digits.n == 20 && memcmp(digits.p, "18446744073709551615", 20) > 0))
        return false;
    put(w, 0xcf, strtoull(digits.p, NULL, 10), 8);
    return true;
}

/* Lists and maps have a short form, text has one and a byte's length beside. */
static bool put_length(struct wr *w, unsigned type16, size_t n)
{
    put(w, n <= UINT16_MAX ? type16 : type16 + 1, n, n <= UINT16_MAX ? 2 : 4);
    return n <= UINT32_MAX;
}

static bool put_text(struct wr *w, struct str s)
{
    bool fits = utf8_valid(s); /* a lone surrogate is none to msgpack */

    if (s.n < 32)
        wr_u8(w, (uint8_t)(0xa0 | s.n));
    else if (s.n <= UINT8_MAX)
        put(w, 0xd9, s.n, 1);
    else
        fits = put_length(w, 0xda, s.n) && fits;
    wr_put(w, s);
    return fits;
}

static bool put_bytes(struct wr *w, struct str s)
{
    bool fits = true;

    if (s.n <= UINT8_MAX)
        put(w, 0xc4, s.n, 1);
    else
        fits = put_length(w, 0xc5, s.n);
    wr_put(w, s);
    return fits;
}

static bool put_value(struct wr *w, const ptl_value *v, unsigned depth);

static bool put_list(struct wr *w, const ptl_value *v, unsigned depth)
{
    size_t n = value_len(v);
    bool fits = true;

    if (n < 16)
        wr_u8(w, (uint8_t)(0x90 | n));
    else
        fits = put_length(w, 0xdc, n);
    for (size_t i = 0; fits && i < n; i++)
        fits = put_value(w, v->u.list.items[i], depth + 1);
    return fits;
}

static bool put_map(struct wr *w, const ptl_value *v, unsigned depth)
{
    size_t n = value_len(v);
    bool fits = true;

    if (n < 16)
        wr_u8(w, (uint8_t)(0x80 | n));
    else
        fits = put_length(w, 0xde, n);
    for (size_t i = 0; fits && i < n; i++)
        fits = put_text(w, v->u.map.pairs[i].key) &&
               put_value(w, v->u.map.pairs[i].value, depth + 1);
    return fits;
}

static void put_float(struct wr *w, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    put(w, 0xcb, bits, 8);
}

static bool put_value(struct wr *w, const ptl_value *v, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return false;
    switch (value_kind(v)) {
    case PTL_NULL:
        wr_u8(w, 0xc0);
        return true;
    case PTL_BOOL:
        wr_u8(w, v->u.b ? 0xc3 : 0xc2);
        return true;
    case PTL_INT:
        put_int(w, v->u.i);
        return true;
    case PTL_FLOAT:
        put_float(w, v->u.d);
        return true;
    case PTL_BIGINT:
        return put_big(w, v->u.s);
    case PTL_STR:
        return put_text(w, v->u.s);
    case PTL_BYTES:
        return put_bytes(w, v->u.s);
    case PTL_LIST:
        return put_list(w, v, depth);
    case PTL_MAP:
        return typed_kind_of(v) == TYPED_NONE && put_map(w, v, depth);
    }
    return false;
}

bool msgpack_write(struct wr *w, const ptl_value *v)
{
    return put_value(w, v, 0) && !w->bad;
}

const struct serializer serializer_msgpack = {
    .name = "msgpack",
    .title = "msgpack",
    .content_type = "application/x-msgpack",
    .content_encoding = "binary",
    .read = msgpack_read,
    .write = msgpack_write,
};
