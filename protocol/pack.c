/* SPDX-License-Identifier: Apache-2.0 */
/* pack - one function per compression, with the level that Python's module defaults to.
 */
#include "pack.h"

#include <bzlib.h>
#include <zlib.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define PLAIN_MAX_BYTES ((size_t)1 << 30) /* zlib and bzip2 count in unsigned int */
#define BZIP2_LEVEL 9
#define XZ_LEVEL 6
#define ZSTD_LEVEL 3

/* Packs into room that was there before: n of it are used. */
static bool used(struct wr *w, size_t room, size_t n)
{
    w->len -= room - n;
    return true;
}

static bool give_up(struct wr *w, size_t room)
{
    used(w, room, 0);
    w->bad = true;
    return false;
}

static bool pack_zlib(struct wr *w, struct str plain)
{
    uLongf n = compressBound(plain.n);
    size_t room = n;
    char *p = wr_grow(w, room);

    if (!p)
        return false;
    return compress((Bytef *)p, &n, (const Bytef *)plain.p, plain.n) == Z_OK
               ? used(w, room, n)
               : give_up(w, room);
}

static bool pack_bzip2(struct wr *w, struct str plain)
{
    size_t room = plain.n + plain.n / 100 + 600; /* as its manual has it */
    unsigned n = (unsigned)room;
    char *p = wr_grow(w, room);

    if (!p)
        return false;
    return BZ2_bzBuffToBuffCompress(p, &n, (char *)(uintptr_t)plain.p,
                                    (unsigned)plain.n, BZIP2_LEVEL, 0, 0) == BZ_OK
               ? used(w, room, n)
               : give_up(w, room);
}

#ifdef HAVE_LZMA
static bool pack_xz(struct wr *w, struct str plain)
{
    size_t room = lzma_stream_buffer_bound(plain.n), n = 0;
    char *p = wr_grow(w, room);

    if (!p)
        return false;
    return lzma_easy_buffer_encode(XZ_LEVEL, LZMA_CHECK_CRC64, NULL,
                                   (const uint8_t *)plain.p, plain.n, (uint8_t *)p, &n,
                                   room) == LZMA_OK
               ? used(w, room, n)
               : give_up(w, room);
}
#endif

#ifdef HAVE_ZSTD
static bool pack_zstd(struct wr *w, struct str plain)
{
    size_t room = ZSTD_compressBound(plain.n), n;
    char *p = wr_grow(w, room);

    if (!p)
        return false;
    n = ZSTD_compress(p, room, plain.p, plain.n, ZSTD_LEVEL);
    return ZSTD_isError(n) ? give_up(w, room) : used(w, room, n);
}
#endif

static const struct {
    const char *name, *content_type;
    bool (*pack)(struct wr *w, struct str plain);
} compressions[] = {
    {"gzip", "application/x-gzip", pack_zlib}, /* a zlib stream, as kombu's */
    {"zlib", "application/x-gzip", pack_zlib},
    {"bzip2", "application/x-bz2", pack_bzip2},
    {"bzip", "application/x-bz2", pack_bzip2},
#ifdef HAVE_LZMA
    {"lzma", "application/x-lzma", pack_xz},
    {"xz", "application/x-lzma", pack_xz},
#endif
#ifdef HAVE_ZSTD
    {"zstd", "application/zstd", pack_zstd},
    {"zstandard", "application/zstd", pack_zstd},
#endif
};
#define COMPRESSIONS (sizeof(compressions) / sizeof(compressions[0]))

static size_t find(struct str name)
{
    size_t i = 0;

    while (i < COMPRESSIONS && !str_is(name, compressions[i].name) &&
           !str_is(name, compressions[i].content_type))
        i++;
    return i;
}

const char *pack_content_type(struct str name)
{
    size_t i = find(name);

    return i < COMPRESSIONS ? compressions[i].content_type : NULL;
}

bool pack(struct wr *w, struct str name, struct str plain)
{
    size_t i = find(name);

    if (i == COMPRESSIONS || plain.n > PLAIN_MAX_BYTES)
        return false;
    return compressions[i].pack(w, plain);
}

bool pack_result(struct wr *w, struct str name, struct str document)
{
    const char *type = pack_content_type(name);

    if (!type)
        return false;
    wr_put(w, (struct str){PACK_RESULT_MAGIC, sizeof(PACK_RESULT_MAGIC)});
    wr_put(w, (struct str){type, strlen(type) + 1});
    return pack(w, name, document);
}
