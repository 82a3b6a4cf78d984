/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack_read - bytes to values. The recursion is as deep as the limit allows. */
#include "json.h"
#include "msgpack.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>

#define ROOM_AT_FIRST 32u /* items; what more is announced must come first */

struct reader {
    struct rd in;
    size_t length; /* of the whole, for offsets in errors */
    struct arena *arena;
    struct serializer_error *error;
    uint32_t depth, values;
};

static const ptl_value *read_value(struct reader *r);

static void *fail(struct reader *r, const char *what)
{
    if (r->error->what[0])
        return NULL; /* the first one counts */
    return serializer_fail(r->error, "%s at byte %zu", what, r->length - r->in.left);
}

static const ptl_value *made(struct reader *r, const ptl_value *v)
{
    return v ? v : serializer_out_of_memory(r->error);
}

static uint64_t big_endian(struct reader *r, size_t bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | rd_u8(&r->in);
    return v;
}

static const ptl_value *read_unsigned(struct reader *r, size_t bytes)
{
    uint64_t v = big_endian(r, bytes);
    char digits[24];

    if (v <= INT64_MAX)
        return made(r, value_int(r->arena, (int64_t)v));
    snprintf(digits, sizeof(digits), "%" PRIu64, v);
    ptl_value *big = value_text(r->arena, digits);
    if (big)
        big->kind = PTL_BIGINT;
    return made(r, big);
}

static const ptl_value *read_signed(struct reader *r, size_t bytes)
{
    unsigned unused = 64 - 8 * (unsigned)bytes;
    uint64_t v = big_endian(r, bytes) << unused;

    return made(r, value_int(r->arena, (int64_t)v >> unused));
}

static const ptl_value *read_float(struct reader *r, size_t bytes)
{
    uint64_t bits = big_endian(r, bytes);
    uint32_t bits32 = (uint32_t)bits;
    double d;
    float f;

    memcpy(&d, &bits, sizeof(d));
    memcpy(&f, &bits32, sizeof(f));
    return made(r, value_float(r->arena, bytes == 4 ? (double)f : d));
}

/* False with the error set unless so many bytes are there, and text is UTF-8. */
static bool take(struct reader *r, size_t n, bool text, struct str *s)
{
    *s = rd_bytes(&r->in, n);
    if (r->in.bad) {
        fail(r, "Unpack failed: incomplete input");
        return false;
    }
    if (text && !utf8_valid(*s)) {
        fail(r, "text is not UTF-8");
        return false;
    }
    *s = arena_copy(r->arena, *s);
    if (!s->p)
        serializer_out_of_memory(r->error);
    return s->p != NULL;
}

static const ptl_value *read_text(struct reader *r, size_t n)
{
    struct str s;

    return take(r, n, true, &s) ? made(r, value_str(r->arena, s)) : NULL;
}

static const ptl_value *read_bytes(struct reader *r, size_t n)
{
    struct str s;

    return take(r, n, false, &s) ? made(r, value_bytes(r->arena, s)) : NULL;
}

static bool enter(struct reader *r)
{
    if (r->depth == json_default_limits.max_depth) {
        fail(r, "too deeply nested");
        return false;
    }
    r->depth++;
    return true;
}

static const ptl_value *read_list(struct reader *r, size_t n)
{
    ptl_value *list = value_list(r->arena, n < ROOM_AT_FIRST ? n : ROOM_AT_FIRST);

    if (!list || !enter(r))
        return list ? NULL : made(r, NULL);
    for (size_t i = 0; i < n; i++) {
        const ptl_value *item = read_value(r);
        if (!item)
            return NULL;
        if (!value_list_add(r->arena, list, item))
            return made(r, NULL);
    }
    r->depth--;
    return list;
}

static const ptl_value *read_map(struct reader *r, size_t n)
{
    ptl_value *map = value_map(r->arena, n < ROOM_AT_FIRST ? n : ROOM_AT_FIRST);

    if (!map || !enter(r))
        return map ? NULL : made(r, NULL);
    for (size_t i = 0; i < n; i++) {
        const ptl_value *key = read_value(r), *v;
        if (!key || value_kind(key) != PTL_STR)
            return key ? fail(r, "a map's key is no text") : NULL;
        if (!(v = read_value(r)))
            return NULL;
        if (!value_map_set(r->arena, map, key->u.s, v))
            return made(r, NULL);
    }
    r->depth--;
    return map;
}

/* What the first byte says by itself. */
static const ptl_value *read_short(struct reader *r, uint8_t first)
{
    if (first < 0x80 || first >= 0xe0)
        return made(r, value_int(r->arena, (int8_t)first));
    if (first < 0x90)
        return read_map(r, first & 0x0f);
    if (first < 0xa0)
        return read_list(r, first & 0x0f);
    return read_text(r, first & 0x1f);
}

/* What a type byte and a length of 1, 2, 4 or 8 bytes say. */
static const ptl_value *read_long(struct reader *r, uint8_t first)
{
    switch (first) {
    case 0xc0:
        return made(r, value_null(r->arena));
    case 0xc2:
    case 0xc3:
        return made(r, value_bool(r->arena, first == 0xc3));
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_bytes(r, big_endian(r, (size_t)1 << (first - 0xc4)));
    case 0xca:
    case 0xcb:
        return read_float(r, (size_t)4 << (first - 0xca));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_unsigned(r, (size_t)1 << (first - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_signed(r, (size_t)1 << (first - 0xd0));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_text(r, big_endian(r, (size_t)1 << (first - 0xd9)));
    case 0xdc:
    case 0xdd:
        return read_list(r, big_endian(r, (size_t)2 << (first - 0xdc)));
    case 0xde:
    case 0xdf:
        return read_map(r, big_endian(r, (size_t)2 << (first - 0xde)));
    default:
        return fail(r, "a type that is no JSON value");
    }
}

static const ptl_value *read_value(struct reader *r)
{
    uint8_t first = rd_u8(&r->in);
    const ptl_value *v = NULL;

    if (++r->values > json_default_limits.max_values)
        return fail(r, "too many values");
    if (!r->in.bad)
        v = first >= 0xc0 && first < 0xe0 ? read_long(r, first) : read_short(r, first);
    return r->in.bad ? fail(r, "Unpack failed: incomplete input") : v;
}

const ptl_value *msgpack_read(struct arena *a, struct str bytes,
                              struct serializer_error *e)
{
    struct reader r = {.in = rd_of(bytes), .length = bytes.n, .arena = a, .error = e};

    e->what[0] = '\0';
    const ptl_value *v = read_value(&r);
    if (v && r.in.left > 0)
        return fail(&r, "unpack(b) received extra data.");
    return v;
}
