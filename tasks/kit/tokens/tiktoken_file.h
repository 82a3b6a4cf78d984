/* SPDX-License-Identifier: Apache-2.0 */
/* tiktoken_file - the vocabulary as tiktoken publishes it, in memory. */
#ifndef TOKENS_TIKTOKEN_FILE_H
#define TOKENS_TIKTOKEN_FILE_H

#include <stdint.h>

struct tiktoken_file {
    uint32_t n;
    uint32_t *offsets; /* n + 1 of them into bytes */
    uint8_t *bytes;
};

/* On failure returns -errno, and for a file that is none -EINVAL with *fault saying
 * why. */
int tiktoken_file_read(struct tiktoken_file *f, const char *path, const char **fault);
void tiktoken_file_finish(struct tiktoken_file *f);

#endif
