/* SPDX-License-Identifier: Apache-2.0 */
/* buf - a bounded reader and a bounded writer, the only places where lengths that
 * came off a wire are compared with anything.
 *
 * Both have a sticky `bad`: decode or encode a whole frame straight through and test
 * it once. A bad reader yields zeros; a bad writer ignores writes. */
#ifndef PROTOCOL_BUF_H
#define PROTOCOL_BUF_H

#include "str.h"

#include <stdint.h>

struct rd {
    const char *p;
    size_t left;
    bool bad; /* something was read past the end */
};

static inline struct rd rd_of(struct str s)
{
    return (struct rd){.p = s.p, .left = s.n};
}

/* The next n bytes, borrowed; compares with what is left, never `offset + n`. */
struct str rd_bytes(struct rd *r, size_t n);
/* Little-endian, as both ends are the same machine and the same build. */
uint8_t rd_u8(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
double rd_f64(struct rd *r);
/* A u32 length and that many bytes. */
struct str rd_str(struct rd *r);

/*
 * 0 .. len    written
 * len .. cap  allocated
 * max         never exceeded: the write that would sets `bad`
 */
struct wr {
    char *p;
    size_t len, cap, max;
    bool bad; /* past max, or out of memory */
};

void wr_init(struct wr *w, size_t max);
void wr_finish(struct wr *w);
/* Forgets the contents and `bad`, keeps the memory. */
void wr_reset(struct wr *w);
static inline struct str wr_str(const struct wr *w)
{
    return (struct str){w->p, w->len};
}

/* Room for n more bytes, to be filled by the caller; NULL (and bad) if there is none.
 */
char *wr_grow(struct wr *w, size_t n);
void wr_put(struct wr *w, struct str s);
void wr_text(struct wr *w, const char *text);
void wr_printf(struct wr *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void wr_u8(struct wr *w, uint8_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_f64(struct wr *w, double v);
/* As rd_str reads it; a string beyond 4 GiB is bad. */
void wr_lstr(struct wr *w, struct str s);

#endif
