/* SPDX-License-Identifier: Apache-2.0 */
/* error - what went wrong, in words, without allocating. Lives on the caller's stack.
 *
 * The message says what was attempted and why it failed, and where there is one, what
 * to do. Whoever decides what happens next logs it, once. */
#ifndef PETIOLE_ERROR_H
#define PETIOLE_ERROR_H

struct error {
    int code;      /* an errno value */
    char msg[380]; /* one line, always NUL-terminated; a cut one ends in "..." */
};

/* Both return -code, so a failing function ends: return error_set(e, ...); */
int error_set(struct error *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message it has. */
int error_wrap(struct error *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
