/* SPDX-License-Identifier: Apache-2.0 */
/* typed - kombu's {"__type__": …, "__value__": …}, beyond bytes: what Python knows and
 * JSON does not (kombu.utils.json).
 *
 *     datetime  ISO 8601, with an offset if it is aware      date, time  ISO 8601
 *     decimal   its digits as text, "NaN", "Infinity"        uuid        {"hex": 32
 * digits}
 *
 * A value of one of these types is kept as the map it is, so that it goes out as it
 * came in. A map with further keys is no typed value. */
#ifndef PROTOCOL_TYPED_H
#define PROTOCOL_TYPED_H

#include "value.h"

enum typed_kind {
    TYPED_NONE,
    TYPED_DATETIME,
    TYPED_DATE,
    TYPED_TIME,
    TYPED_DECIMAL,
    TYPED_UUID,
};

/* By the name alone; the value may still be none of the type. */
enum typed_kind typed_kind_of(const ptl_value *v);
/* Whether Python's constructor takes the value; text if not, as Python complains. */
bool typed_is_valid(const ptl_value *v, const char **why);
/* The value's text: ISO 8601, digits, 32 hexadecimal digits; .p NULL if it has none. */
struct str typed_text(const ptl_value *v);
/* Microseconds since the epoch of a datetime or date, UTC if it says nothing else;
 * since midnight of a time. */
bool typed_us(const ptl_value *v, int64_t *us);

/* A typed value of this text, which is not copied; NULL when the arena is full. */
ptl_value *typed_make(struct arena *a, enum typed_kind kind, struct str text);

#endif
