/* SPDX-License-Identifier: Apache-2.0 */
/* text - bytes of a text file, fed in any pieces, to clean UTF-8.
 *
 * Pure: no memory of its own, no system calls. What comes out is always valid UTF-8
 * without control characters but tab and newline (and form feed, where asked for):
 * a byte order mark at the start is dropped, CRLF and CR become LF as Python's text
 * files have it, other control characters become spaces, and what cannot be decoded
 * becomes U+FFFD. Along the way it counts, so that a first pass over a file can tell
 * what the file is:
 *
 *     struct text_decoder d = {.encoding = text_encoding_of(head, head_len)};
 *     out_len = text_decode(&d, bytes, n, out);   // for each piece
 *     out_len = text_decode_end(&d, out);
 *     switch (text_judge(&d, head, head_len)) ...
 */
#ifndef EXTRACT_TEXT_H
#define EXTRACT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_encoding {
    TEXT_UTF8,
    TEXT_UTF16LE,
    TEXT_UTF16BE,
    TEXT_LATIN1, /* 0x80 to 0x9f, controls in Latin-1, are read as in Windows-1252 */
};

struct text_decoder {
    enum text_encoding encoding;
    bool keep_form_feed;

    /* Counted so far. */
    uint64_t bytes;
    uint64_t controls;  /* characters no text has: NUL, BEL, … */
    uint64_t wide;      /* well-formed characters beyond ASCII */
    uint64_t bad;       /* sequences that are not of this encoding */
    uint64_t first_bad; /* where the first of them stands, if there is one */

    /* A character torn between two pieces, and what stood before it. */
    uint64_t began; /* where it stands */
    uint32_t partial;
    uint8_t missing, lowest, highest; /* of UTF-8: bytes to come, range of the next */
    uint8_t held;                     /* of UTF-16: bytes held of the current unit */
    uint8_t half;
    uint16_t lead; /* of UTF-16: a high surrogate that waits for its low one */
    bool started, after_cr;
};

/* Room that decoding n bytes needs in the worst case. */
#define TEXT_DECODED_MAX(n) (3 * (n) + 8)

size_t text_decode(struct text_decoder *d, const uint8_t *in, size_t n, char *out);
size_t text_decode_end(struct text_decoder *d, char *out);

/* How many of a file's first bytes the two functions below want to see. */
#define TEXT_HEAD 8

/* UTF-16 where a byte order mark says so, else UTF-8 to try first. */
enum text_encoding text_encoding_of(const uint8_t *head, size_t n);

enum text_kind {
    TEXT_AS_DECODED, /* it is what the decoder took it for */
    TEXT_AS_LATIN1,  /* not UTF-8: decode it again as Latin-1 */
    TEXT_DAMAGED,    /* meant as UTF-8 or UTF-16, with invalid bytes in it */
    TEXT_BINARY,     /* no text at all */
};

/* After a whole file: what kind of text is it? For TEXT_BINARY `*what` names the format
 * if the head shows it ("a ZIP archive"), else it is NULL. */
enum text_kind text_judge(const struct text_decoder *d, const uint8_t *head, size_t n,
                          const char **what);

#endif
