/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp_table.h"

#include "../../protocol/utf8.h"

#include <math.h>
#include <stdio.h>

#define MAX_DEPTH 64
#define KEY_MAX 255

static struct str text_of(amqp_bytes_t b)
{
    return (struct str){b.bytes, b.len};
}

/* ---- values of tables ------------------------------------------------------------ */

static const ptl_value *read_table(struct arena *a, const amqp_table_t *t,
                                   unsigned depth);
static const ptl_value *read_array(struct arena *a, const amqp_array_t *array,
                                   unsigned depth);

static ptl_value *read_text(struct arena *a, struct str s)
{
    return utf8_valid(s) ? value_str(a, s) : value_bytes(a, s);
}

/* RabbitMQ's own are few; an unsigned beyond Python's usual keeps its digits. */
static ptl_value *read_u64(struct arena *a, uint64_t u)
{
    char digits[24];
    if (u <= INT64_MAX)
        return value_int(a, (int64_t)u);
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)u);
    ptl_value *v = value_str(a, arena_copy(a, (struct str){digits, (size_t)n}));
    if (v)
        v->kind = PTL_BIGINT;
    return v;
}

static ptl_value *read_decimal(struct arena *a, amqp_decimal_t d)
{
    return value_float(a, (double)d.value / pow(10, d.decimals));
}

static const ptl_value *read_value(struct arena *a, const amqp_field_value_t *f,
                                   unsigned depth)
{
    switch (f->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        return value_bool(a, f->value.boolean);
    case AMQP_FIELD_KIND_I8:
        return value_int(a, f->value.i8);
    case AMQP_FIELD_KIND_U8:
        return value_int(a, f->value.u8);
    case AMQP_FIELD_KIND_I16:
        return value_int(a, f->value.i16);
    case AMQP_FIELD_KIND_U16:
        return value_int(a, f->value.u16);
    case AMQP_FIELD_KIND_I32:
        return value_int(a, f->value.i32);
    case AMQP_FIELD_KIND_U32:
        return value_int(a, f->value.u32);
    case AMQP_FIELD_KIND_I64:
        return value_int(a, f->value.i64);
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        return read_u64(a, f->value.u64);
    case AMQP_FIELD_KIND_F32:
        return value_float(a, (double)f->value.f32);
    case AMQP_FIELD_KIND_F64:
        return value_float(a, f->value.f64);
    case AMQP_FIELD_KIND_DECIMAL:
        return read_decimal(a, f->value.decimal);
    case AMQP_FIELD_KIND_UTF8:
        return read_text(a, text_of(f->value.bytes));
    case AMQP_FIELD_KIND_BYTES:
        return value_bytes(a, text_of(f->value.bytes));
    case AMQP_FIELD_KIND_ARRAY:
        return read_array(a, &f->value.array, depth);
    case AMQP_FIELD_KIND_TABLE:
        return read_table(a, &f->value.table, depth);
    default:
        return value_null(a);
    }
}

static const ptl_value *read_array(struct arena *a, const amqp_array_t *array,
                                   unsigned depth)
{
    ptl_value *list = value_list(a, (size_t)array->num_entries);
    bool ok = list && depth < MAX_DEPTH;
    for (int i = 0; ok && i < array->num_entries; i++)
        ok = value_list_add(a, list, read_value(a, &array->entries[i], depth + 1));
    return ok ? list : NULL;
}

static const ptl_value *read_table(struct arena *a, const amqp_table_t *t,
                                   unsigned depth)
{
    ptl_value *map = value_map(a, (size_t)t->num_entries);
    bool ok = map && depth < MAX_DEPTH;
    for (int i = 0; ok && i < t->num_entries; i++)
        ok = value_map_set(a, map, text_of(t->entries[i].key),
                           read_value(a, &t->entries[i].value, depth + 1));
    return ok ? map : NULL;
}

const ptl_value *amqp_table_value(struct arena *a, const amqp_table_t *table)
{
    return read_table(a, table, 0);
}

/* ---- tables of values ------------------------------------------------------------ */

static bool write_value(struct arena *a, const ptl_value *v, amqp_field_value_t *f,
                        unsigned depth);

static amqp_bytes_t bytes_of(struct str s)
{
    return (amqp_bytes_t){s.n, (void *)(uintptr_t)s.p};
}

static void write_int(int64_t i, amqp_field_value_t *f)
{
    bool small = i >= INT32_MIN && i <= INT32_MAX;
    f->kind = small ? AMQP_FIELD_KIND_I32 : AMQP_FIELD_KIND_I64;
    if (small)
        f->value.i32 = (int32_t)i;
    else
        f->value.i64 = i;
}

static bool write_list(struct arena *a, const ptl_value *v, amqp_array_t *array,
                       unsigned depth)
{
    size_t n = v->u.list.n;
    *array = (amqp_array_t){(int)n, arena_zalloc(a, n * sizeof(*array->entries))};
    bool ok = depth < MAX_DEPTH && (n == 0 || array->entries);
    for (size_t i = 0; ok && i < n; i++)
        ok = write_value(a, v->u.list.items[i], &array->entries[i], depth + 1);
    return ok;
}

static bool write_map(struct arena *a, const ptl_value *v, amqp_table_t *t,
                      unsigned depth)
{
    size_t n = v->u.map.n;
    *t = (amqp_table_t){(int)n, arena_zalloc(a, n * sizeof(*t->entries))};
    bool ok = depth < MAX_DEPTH && (n == 0 || t->entries);
    for (size_t i = 0; ok && i < n; i++) {
        const struct value_pair *pair = &v->u.map.pairs[i];
        t->entries[i].key = bytes_of(pair->key);
        ok = pair->key.n <= KEY_MAX &&
             write_value(a, pair->value, &t->entries[i].value, depth + 1);
    }
    return ok;
}

static void write_text(struct str s, uint8_t kind, amqp_field_value_t *f)
{
    f->kind = kind;
    f->value.bytes = bytes_of(s);
}

static bool write_value(struct arena *a, const ptl_value *v, amqp_field_value_t *f,
                        unsigned depth)
{
    switch (value_kind(v)) {
    case PTL_BOOL:
        f->kind = AMQP_FIELD_KIND_BOOLEAN;
        f->value.boolean = v->u.b;
        return true;
    case PTL_INT:
        write_int(v->u.i, f);
        return true;
    case PTL_FLOAT:
        f->kind = AMQP_FIELD_KIND_F64;
        f->value.f64 = v->u.d;
        return true;
    case PTL_STR:
    case PTL_BIGINT: /* no field holds it: as its digits */
        write_text(v->u.s, AMQP_FIELD_KIND_UTF8, f);
        return true;
    case PTL_BYTES:
        write_text(v->u.s, AMQP_FIELD_KIND_BYTES, f);
        return true;
    case PTL_LIST:
        f->kind = AMQP_FIELD_KIND_ARRAY;
        return write_list(a, v, &f->value.array, depth);
    case PTL_MAP:
        f->kind = AMQP_FIELD_KIND_TABLE;
        return write_map(a, v, &f->value.table, depth);
    default:
        f->kind = AMQP_FIELD_KIND_VOID;
        return true;
    }
}

bool amqp_table_of(struct arena *a, const ptl_value *map, amqp_table_t *table)
{
    if (value_kind(map) == PTL_MAP)
        return write_map(a, map, table, 0);
    *table = (amqp_table_t){0};
    return value_is_null(map);
}
