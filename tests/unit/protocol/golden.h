/* SPDX-License-Identifier: Apache-2.0 */
/* golden - the recorded bytes of tests/golden, and copies that a sanitizer guards. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "../../../protocol/str.h"

/* The whole of tests/golden/PATH, with a NUL behind it; fails the test if it cannot be
 * read. Free .p. */
struct str golden_read(const char *path);
/* Calls visit for each line of each file of a folder whose name ends so, with the
 * file's name; empty files give one empty line. Returns how many. */
int golden_each(const char *folder, const char *suffix,
                void (*visit)(const char *name, struct str line));
/* Each line's two columns, which a TAB separates. */
int golden_each_pair(const char *path,
                     void (*visit)(struct str input, struct str output));
/* The n-th line of a file, from 0, alone. Free .p. */
struct str golden_line(const char *path, int n);

/* Bytes from their hexadecimal digits, boxed. */
struct str golden_from_hex(struct str hex);

/* A copy in a block of exactly its size, so that a read past its end is caught. */
struct str boxed(struct str s);

#endif
