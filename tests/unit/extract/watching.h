/* SPDX-License-Identifier: Apache-2.0 */
/* watching - a helper as /proc shows it, from outside, while it works. */
#ifndef TEST_WATCHING_H
#define TEST_WATCHING_H

#include <stdbool.h>

/* Runs the helper on a PDF until its /proc/PID/FILE holds `words`; then it is
 * cancelled. What FILE said then stays in `seen`. */
struct sight {
    const char *file, *words;
    char seen[4096];
};
bool watch_until(int document, struct sight *s);

/* The same in a handler's process of its own, which is killed at that moment. True if
 * the helper is gone soon after. */
bool helper_dies_with_handler(int document, struct sight *s);

#endif
