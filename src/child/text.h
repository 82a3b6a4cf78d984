/* SPDX-License-Identifier: Apache-2.0 */
/* text - what handlers say, made fit for JSON and for log lines. */
#ifndef PETIOLE_TEXT_H
#define PETIOLE_TEXT_H

#include "../../protocol/arena.h"

#include <stdarg.h>

/* What a value's text may hold: UTF-8, and lone surrogates as three bytes each. */
bool text_is_valid(struct str s);
/* printf into the arena. What is longer than max_bytes is cut and ends in "...". .p is
 * NULL when the arena is full. */
struct str text_format(struct arena *a, size_t max_bytes, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* Makes '?' of bytes that are not text, in place: s is the caller's own buffer. */
void text_repair(struct str s);

#endif
