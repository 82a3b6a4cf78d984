/* SPDX-License-Identifier: Apache-2.0 */
/* unpack - one function per compression, and the table of their names.
 *
 * Each unpacks slice by slice, so that a small text which unpacks to gigabytes costs no
 * more than the writer's limit. */
#include "unpack.h"

#include <bzlib.h>
#include <zlib.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_BROTLI
#include <brotli/decode.h>
#endif

#define SLICE_BYTES 16384
#define PACKED_MAX_BYTES ((size_t)1 << 30) /* zlib and bzip2 count in unsigned int */

static enum unpack_result unpack_zlib(struct wr *out, struct str packed)
{
    char slice[SLICE_BYTES];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    int rc = inflateInit(&z);

    while (rc == Z_OK && !out->bad) {
        z.next_out = (Bytef *)slice;
        z.avail_out = sizeof(slice);
        rc = inflate(&z, Z_NO_FLUSH);
        wr_put(out, (struct str){slice, sizeof(slice) - z.avail_out});
    }
    inflateEnd(&z);
    if (out->bad || rc == Z_MEM_ERROR)
        return UNPACK_TOO_LARGE;
    return rc == Z_STREAM_END ? UNPACK_OK : UNPACK_CORRUPT;
}

static enum unpack_result unpack_bzip2(struct wr *out, struct str packed)
{
    char slice[SLICE_BYTES];
    bz_stream z = {.next_in = (char *)(uintptr_t)packed.p,
                   .avail_in = (unsigned)packed.n};
    int rc = BZ2_bzDecompressInit(&z, 0, 0);

    while (rc == BZ_OK && !out->bad) {
        z.next_out = slice;
        z.avail_out = sizeof(slice);
        rc = BZ2_bzDecompress(&z);
        if (rc == BZ_OK && z.avail_in == 0 && z.avail_out == sizeof(slice))
            rc = BZ_UNEXPECTED_EOF;
        wr_put(out, (struct str){slice, sizeof(slice) - z.avail_out});
    }
    BZ2_bzDecompressEnd(&z);
    if (out->bad || rc == BZ_MEM_ERROR)
        return UNPACK_TOO_LARGE;
    return rc == BZ_STREAM_END ? UNPACK_OK : UNPACK_CORRUPT;
}

#ifdef HAVE_LZMA
static enum unpack_result unpack_lzma(struct wr *out, struct str packed)
{
    uint8_t slice[SLICE_BYTES];
    lzma_stream z = LZMA_STREAM_INIT;
    /* An archive says how large a window it wants; Python's own encoder asks for 8 MB
     * by default and 64 MB at most. */
    lzma_ret rc = lzma_auto_decoder(&z, (uint64_t)100 << 20, 0);

    z.next_in = (const uint8_t *)packed.p;
    z.avail_in = packed.n;
    while (rc == LZMA_OK && !out->bad) {
        z.next_out = slice;
        z.avail_out = sizeof(slice);
        rc = lzma_code(&z, LZMA_FINISH);
        wr_put(out, (struct str){(char *)slice, sizeof(slice) - z.avail_out});
    }
    lzma_end(&z);
    if (out->bad || rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return UNPACK_TOO_LARGE;
    return rc == LZMA_STREAM_END ? UNPACK_OK : UNPACK_CORRUPT;
}
#endif

#ifdef HAVE_ZSTD
static enum unpack_result unpack_zstd(struct wr *out, struct str packed)
{
    char slice[SLICE_BYTES];
    ZSTD_inBuffer in = {packed.p, packed.n, 0};
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t rc = 1; /* what is still missing; 0 at the end of a frame */

    if (!z)
        return UNPACK_TOO_LARGE;
    while (rc && !ZSTD_isError(rc) && !out->bad) {
        ZSTD_outBuffer o = {slice, sizeof(slice), 0};
        rc = ZSTD_decompressStream(z, &o, &in);
        wr_put(out, (struct str){slice, o.pos});
        if (in.pos == in.size && o.pos < sizeof(slice))
            break;
    }
    ZSTD_freeDStream(z);
    if (out->bad)
        return UNPACK_TOO_LARGE;
    return rc == 0 ? UNPACK_OK : UNPACK_CORRUPT;
}
#endif

#ifdef HAVE_BROTLI
static enum unpack_result unpack_brotli(struct wr *out, struct str packed)
{
    uint8_t slice[SLICE_BYTES];
    const uint8_t *in = (const uint8_t *)packed.p;
    size_t left = packed.n;
    BrotliDecoderState *z = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    BrotliDecoderResult rc = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;

    if (!z)
        return UNPACK_TOO_LARGE;
    while (rc == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT && !out->bad) {
        uint8_t *o = slice;
        size_t room = sizeof(slice);
        rc = BrotliDecoderDecompressStream(z, &left, &in, &room, &o, NULL);
        wr_put(out, (struct str){(char *)slice, sizeof(slice) - room});
    }
    BrotliDecoderDestroyInstance(z);
    if (out->bad)
        return UNPACK_TOO_LARGE;
    return rc == BROTLI_DECODER_RESULT_SUCCESS ? UNPACK_OK : UNPACK_CORRUPT;
}
#endif

static const struct {
    const char *name;
    enum unpack_result (*unpack)(struct wr *out, struct str packed);
} compressions[] = {
    {"application/x-gzip", unpack_zlib}, /* a zlib stream, whatever the name says */
    {"gzip", unpack_zlib},
    {"zlib", unpack_zlib},
    {"application/x-bz2", unpack_bzip2},
    {"bzip2", unpack_bzip2},
    {"bzip", unpack_bzip2},
#ifdef HAVE_LZMA
    {"application/x-lzma", unpack_lzma},
    {"lzma", unpack_lzma},
    {"xz", unpack_lzma},
#endif
#ifdef HAVE_ZSTD
    {"application/zstd", unpack_zstd},
    {"zstd", unpack_zstd},
    {"zstandard", unpack_zstd},
#endif
#ifdef HAVE_BROTLI
    {"application/x-brotli", unpack_brotli},
    {"brotli", unpack_brotli},
#endif
};

enum unpack_result unpack(struct wr *out, struct str type, struct str packed)
{
    if (packed.n > PACKED_MAX_BYTES)
        return UNPACK_TOO_LARGE;
    for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++)
        if (str_is(type, compressions[i].name))
            return compressions[i].unpack(out, packed);
    return UNPACK_UNKNOWN;
}
