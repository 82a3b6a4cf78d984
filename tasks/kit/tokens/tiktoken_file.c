/* SPDX-License-Identifier: Apache-2.0 */
#include "tiktoken_file.h"

#include "vocabulary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_LINE 256 /* 128 bytes in base64, a rank, and a line end */

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes up to the space; returns the bytes written, or 0 if it is no base64. */
static size_t decode(const char *text, uint8_t *out, const char **end)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;

    for (; digit(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit(*text);
        if ((have += 6) >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    while (*text == '=')
        text++;
    *end = text;
    return *text == ' ' ? n : 0;
}

static const char *take_line(struct tiktoken_file *f, const char *line)
{
    const char *end;
    uint8_t token[MAX_LINE];
    size_t n = decode(line, token, &end);

    if (n == 0 || n > VOCABULARY_MAX_TOKEN_BYTES)
        return "a line is no token in base64 and its rank";
    if (strtoul(end, NULL, 10) != f->n)
        return "its ranks are not 0, 1, 2 and so on";
    memcpy(f->bytes + f->offsets[f->n], token, n);
    f->n++;
    f->offsets[f->n] = f->offsets[f->n - 1] + (uint32_t)n;
    return NULL;
}

static const char *take_lines(struct tiktoken_file *f, FILE *in)
{
    char line[MAX_LINE];

    while (fgets(line, sizeof(line), in)) {
        if (f->n == VOCABULARY_MAX_TOKENS)
            return "it has too many tokens";
        const char *fault = take_line(f, line);
        if (fault)
            return fault;
    }
    return f->n == 0 ? "it is empty" : NULL;
}

int tiktoken_file_read(struct tiktoken_file *f, const char *path, const char **fault)
{
    FILE *in = fopen(path, "re");

    if (!in)
        return -errno;
    *f = (struct tiktoken_file){0};
    f->offsets = calloc(VOCABULARY_MAX_TOKENS + 1, sizeof(*f->offsets));
    f->bytes = malloc((size_t)VOCABULARY_MAX_TOKENS * VOCABULARY_MAX_TOKEN_BYTES);
    int status = f->offsets && f->bytes ? 0 : -ENOMEM;
    if (status == 0 && (*fault = take_lines(f, in)))
        status = -EINVAL;
    if (status == 0 && ferror(in))
        status = -EIO;
    fclose(in);
    if (status < 0)
        tiktoken_file_finish(f);
    return status;
}

void tiktoken_file_finish(struct tiktoken_file *f)
{
    free(f->offsets);
    free(f->bytes);
    *f = (struct tiktoken_file){0};
}
