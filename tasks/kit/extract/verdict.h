/* SPDX-License-Identifier: Apache-2.0 */
/* verdict - from how a helper ended to what the user is told. */
#ifndef EXTRACT_VERDICT_H
#define EXTRACT_VERDICT_H

#include "extract.h"
#include "process.h"
#include "transcript.h"

/* Writes one line into why unless it is EXTRACT_OK. */
enum extract_status verdict(const struct process *p, const struct transcript *t,
                            enum extract_format format,
                            const struct extract_limits *limits, char *why,
                            size_t size);

/* One printable line, cut at `size` between characters. Its parts may hold anything. */
void verdict_line(char *why, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
