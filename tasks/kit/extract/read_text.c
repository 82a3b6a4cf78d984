/* SPDX-License-Identifier: Apache-2.0 */
/* read_text - two passes over the file: the first finds out what it is, the second
 * writes it. Nothing of the file is kept between them, so memory does not grow with
 * it; and a file that changes meanwhile is decoded as loosely as any. */
#include "read_text.h"

#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (16 * 1024)

typedef int (*take)(const char *text, size_t n);

static int discard(const char *text, size_t n)
{
    (void)text;
    (void)n;
    return 0;
}

static int write_out(const char *text, size_t n)
{
    while (n) {
        ssize_t written = write(STDOUT_FILENO, text, n);

        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            text += written;
            n -= (size_t)written;
        }
    }
    return 0;
}

/* One pass over the whole file. */
static int decode_file(struct text_decoder *d, take take_text)
{
    static uint8_t piece[PIECE];
    static char decoded[TEXT_DECODED_MAX(PIECE)];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(STDIN_FILENO, piece, sizeof piece, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || take_text(decoded, text_decode(d, piece, (size_t)n, decoded)) != 0)
            return -1;
        at += n;
    }
    return take_text(decoded, text_decode_end(d, decoded));
}

static enum helper_exit write_as(enum text_encoding encoding)
{
    struct text_decoder d = {.encoding = encoding};

    if (decode_file(&d, write_out) == 0)
        return HELPER_DONE;
    fprintf(stderr, "reading or writing failed: %s\n", strerror(errno));
    return HELPER_UNREADABLE;
}

static enum helper_exit refuse_binary(const char *what)
{
    if (what)
        fprintf(stderr, "it does not look like text: it is %s\n", what);
    else
        fprintf(stderr, "it does not look like text: too many control characters\n");
    return HELPER_NOT_TEXT;
}

static enum helper_exit refuse_damaged(const struct text_decoder *d)
{
    fprintf(stderr,
            "it is %s, but invalid at byte %" PRIu64 " (%" PRIu64
            " places): save it again as UTF-8\n",
            d->encoding == TEXT_UTF8 ? "UTF-8" : "UTF-16", d->first_bad, d->bad);
    return HELPER_NOT_TEXT;
}

enum helper_exit read_text(void)
{
    uint8_t head[TEXT_HEAD];
    ssize_t n = pread(STDIN_FILENO, head, sizeof head, 0);
    size_t head_len = n > 0 ? (size_t)n : 0;
    struct text_decoder d = {.encoding = text_encoding_of(head, head_len)};
    const char *what;

    if (n < 0 || decode_file(&d, discard) != 0) {
        fprintf(stderr, "reading failed: %s\n", strerror(errno));
        return HELPER_UNREADABLE;
    }
    switch (text_judge(&d, head, head_len, &what)) {
    case TEXT_AS_LATIN1:
        return write_as(TEXT_LATIN1);
    case TEXT_DAMAGED:
        return refuse_damaged(&d);
    case TEXT_BINARY:
        return refuse_binary(what);
    case TEXT_AS_DECODED:
        break;
    }
    return write_as(d.encoding);
}
