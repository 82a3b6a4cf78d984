/* SPDX-License-Identifier: Apache-2.0 */
/* json - exactly what Python's json module reads and writes.
 *
 * Reads: NaN, Infinity and -Infinity; integers of any size up to Python's 4300 digits;
 * lone surrogates as \uXXXX; the last of repeated keys. Refuses what Python refuses:
 * control characters in strings, leading zeros, trailing commas, single quotes, bytes
 * that are not UTF-8. With `kombu_types`, an object of exactly the keys __type__ and
 * __value__ is a typed value (kombu.utils.json): bytes and base64 become BYTES; the
 * others are kept as the object they are, which a Python peer rebuilds; an unknown
 * type name is an error, as kombu's decoder raises one.
 *
 * Writes: ", " and ": " separators, ASCII only with \uXXXX and surrogate pairs,
 * Python's repr of floats (shortest digits that restore the value).
 *
 * The parser keeps an explicit stack; depth, count and memory are bounded. */
#ifndef PROTOCOL_JSON_H
#define PROTOCOL_JSON_H

#include "buf.h"
#include "value.h"

struct json_limits {
    uint32_t max_depth;  /* nested lists and objects */
    uint32_t max_values; /* in the whole document */
};

/* 200 levels (Python's recursion limit refuses about 1000), 4 million values. */
extern const struct json_limits json_default_limits;

struct json_error {
    size_t offset;      /* byte of the text where reading stopped */
    const char *what;   /* static: "Expecting value", "too deeply nested", … */
    bool out_of_memory; /* the arena was full: the fault is not the text's */
};

enum json_flags {
    JSON_KOMBU_TYPES = 1u << 0,
};

/* Reads a whole document. Strings without escapes are borrowed from `text`, which
 * must therefore outlive the value; such a string has no NUL behind it until
 * JSON_COPY_STRINGS is asked for. Returns NULL with *e filled. */
enum { JSON_COPY_STRINGS = 1u << 1 };
const ptl_value *json_read(struct arena *a, struct str text, unsigned flags,
                           const struct json_limits *limits, struct json_error *e);

/* BYTES are written as kombu writes them: {"__type__": "bytes", "__value__": …}. */
void json_write(struct wr *w, const ptl_value *v);
/* One string with its quotes. */
void json_write_str(struct wr *w, struct str s);
/* Python's repr of a float, at most 25 bytes and a NUL: "0.1", "1e+16", "nan", … and
 * what json.dumps makes of the specials when `json` is set ("NaN", "Infinity"). */
size_t json_format_float(char out[32], double d, bool json);
/* The shortest decimal that restores the float when read back as one; the double
 * returned is that decimal. */
double json_shorten_float(float f);

#endif
