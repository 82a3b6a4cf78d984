/* SPDX-License-Identifier: Apache-2.0 */
/* buf - the comparisons that keep readers and writers inside their memory. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP_BYTES ((size_t)256)

struct str rd_bytes(struct rd *r, size_t n)
{
    if (r->bad || n > r->left) {
        *r = (struct rd){.p = r->p, .bad = true};
        return (struct str){NULL, 0};
    }
    struct str s = {r->p, n};
    r->p += n;
    r->left -= n;
    return s;
}

static void read_number(struct rd *r, void *out, size_t n)
{
    struct str s = rd_bytes(r, n);

    if (s.p)
        memcpy(out, s.p, n);
}

uint8_t rd_u8(struct rd *r)
{
    uint8_t v = 0;

    read_number(r, &v, sizeof(v));
    return v;
}

uint32_t rd_u32(struct rd *r)
{
    uint32_t v = 0;

    read_number(r, &v, sizeof(v));
    return v;
}

uint64_t rd_u64(struct rd *r)
{
    uint64_t v = 0;

    read_number(r, &v, sizeof(v));
    return v;
}

double rd_f64(struct rd *r)
{
    double v = 0;

    read_number(r, &v, sizeof(v));
    return v;
}

struct str rd_str(struct rd *r)
{
    uint32_t n = rd_u32(r);

    return rd_bytes(r, n);
}

void wr_init(struct wr *w, size_t max)
{
    *w = (struct wr){.max = max};
}

void wr_finish(struct wr *w)
{
    free(w->p);
    *w = (struct wr){.max = w->max};
}

void wr_reset(struct wr *w)
{
    w->len = 0;
    w->bad = false;
}

static bool reserve(struct wr *w, size_t n)
{
    if (w->bad || n > w->max - w->len) {
        w->bad = true;
        return false;
    }
    if (n <= w->cap - w->len)
        return true;

    size_t cap = w->cap ? w->cap : FIRST_CAP_BYTES;
    while (cap < w->len + n)
        cap = cap > w->max / 2 ? w->max : cap * 2;
    char *p = realloc(w->p, cap);
    if (!p) {
        w->bad = true;
        return false;
    }
    w->p = p;
    w->cap = cap;
    return true;
}

char *wr_grow(struct wr *w, size_t n)
{
    if (!reserve(w, n))
        return NULL;
    char *p = w->p + w->len;
    w->len += n;
    return p;
}

void wr_put(struct wr *w, struct str s)
{
    char *p = s.n ? wr_grow(w, s.n) : NULL;

    if (p)
        memcpy(p, s.p, s.n);
}

void wr_text(struct wr *w, const char *text)
{
    wr_put(w, str_of(text));
}

void wr_printf(struct wr *w, const char *fmt, ...)
{
    char small[256];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        w->bad = true;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        wr_put(w, (struct str){small, (size_t)n});
        return;
    }
    char *p = wr_grow(w, (size_t)n + 1); /* vsnprintf ends with a NUL */
    if (!p)
        return;
    va_start(args, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    w->len--;
}

void wr_u8(struct wr *w, uint8_t v)
{
    wr_put(w, (struct str){(const char *)&v, sizeof(v)});
}

void wr_u32(struct wr *w, uint32_t v)
{
    wr_put(w, (struct str){(const char *)&v, sizeof(v)});
}

void wr_u64(struct wr *w, uint64_t v)
{
    wr_put(w, (struct str){(const char *)&v, sizeof(v)});
}

void wr_f64(struct wr *w, double v)
{
    wr_put(w, (struct str){(const char *)&v, sizeof(v)});
}

void wr_lstr(struct wr *w, struct str s)
{
    if (s.n > UINT32_MAX) {
        w->bad = true;
        return;
    }
    wr_u32(w, (uint32_t)s.n);
    wr_put(w, s);
}
