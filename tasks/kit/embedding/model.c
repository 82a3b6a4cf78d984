/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char model_magic[8] = {'P', 'T', 'L', 'M', 'O', 'D', 'E', 'L'};

_Static_assert(sizeof(struct model_header) <= MODEL_ALIGNMENT, "header fits its page");
_Static_assert((unsigned)BLOCKS == 12, "the picture in model.h");
_Static_assert((int)MODEL_HEADS *MODEL_HEAD_WIDTH == MODEL_WIDTH, "heads fill a row");

/* "what path: why (what to do)" */
__attribute__((format(printf, 5, 6))) static int
refuse(char *why, size_t why_size, int code, const char *path, const char *fmt, ...)
{
    va_list args;
    int n = snprintf(why, why_size, "cannot open the embedding model %s: ", path);
    if (n >= 0 && (size_t)n < why_size) {
        va_start(args, fmt);
        vsnprintf(why + n, why_size - (size_t)n, fmt, args);
        va_end(args);
    }
    return -code;
}

#define REBUILD "(remove it and run scripts/assets-model)"

uint64_t model_sum(uint64_t sum, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    for (; n > 0; p++, n--)
        sum = (sum ^ *p) * 0x100000001b3u;
    return sum;
}

uint64_t model_header_sum(const struct model_header *h)
{
    return model_sum(0, h, offsetof(struct model_header, header_sum));
}

uint64_t model_section_bytes(enum model_section s, uint32_t words, uint32_t slots)
{
    const uint64_t floats = (uint64_t)MODEL_LAYERS * BLOCKS * MODEL_BLOCK_FLOATS;
    switch (s) {
    case SECTION_WORDS:
        return (uint64_t)words * MODEL_WIDTH * sizeof(float);
    case SECTION_POSITIONS:
        return (uint64_t)MODEL_WINDOW * MODEL_WIDTH * sizeof(float);
    case SECTION_VECTORS:
        return sizeof(struct vectors);
    case SECTION_FP32:
        return floats * sizeof(float);
    case SECTION_BF16:
        return floats * sizeof(uint16_t);
    case SECTION_TRIE:
        return (uint64_t)slots * sizeof(struct trie_slot);
    case SECTIONS:
        break;
    }
    return 0;
}

static bool shape_is_ours(const struct model_header *h)
{
    return h->width == MODEL_WIDTH && h->layers == MODEL_LAYERS &&
           h->heads == MODEL_HEADS && h->slices == MODEL_SLICES &&
           h->window == MODEL_WINDOW && h->sections == SECTIONS && h->words > 0 &&
           h->pad < h->words && h->unknown < h->words && h->start < h->words &&
           h->end < h->words && h->mask < h->words && h->continuation < h->slots;
}

static bool sections_fit(const struct model_header *h)
{
    for (int s = 0; s < SECTIONS; s++) {
        uint64_t at = h->section[s].at, bytes = h->section[s].bytes;
        if (at % MODEL_ALIGNMENT != 0 || at < MODEL_ALIGNMENT || at > h->file_bytes ||
            bytes > h->file_bytes - at ||
            bytes != model_section_bytes((enum model_section)s, h->words, h->slots))
            return false;
    }
    return true;
}

/* So that a walk needs no check of its own: any byte behind any slot stays inside. */
static bool trie_is_closed(const struct model_header *h, const struct trie_slot *trie)
{
    if (h->slots < 256)
        return false;
    for (uint32_t s = 0; s < h->slots; s++) {
        if (trie[s].base > h->slots - 256)
            return false;
        if (trie[s].id != TRIE_NONE && trie[s].id >= h->words)
            return false;
    }
    return true;
}

static int check_header(const struct model_header *h, size_t bytes, const char *path,
                        char *why, size_t why_size)
{
    if (memcmp(h->magic, model_magic, sizeof(model_magic)) != 0)
        return refuse(why, why_size, EINVAL, path,
                      "it is not a prepacked model (petiole-assets model makes one)");
    if (h->version != MODEL_VERSION)
        return refuse(why, why_size, EINVAL, path,
                      "its format is version %u and this build reads %u " REBUILD,
                      h->version, MODEL_VERSION);
    if (h->header_sum != model_header_sum(h))
        return refuse(why, why_size, EINVAL, path, "its header is damaged " REBUILD);
    if (h->file_bytes != bytes)
        return refuse(why, why_size, EINVAL, path,
                      "it has %zu bytes where %llu were written " REBUILD, bytes,
                      (unsigned long long)h->file_bytes);
    if (!shape_is_ours(h) || !sections_fit(h))
        return refuse(why, why_size, EINVAL, path,
                      "it holds a model of another shape than all-MiniLM-L6-v2");
    return 0;
}

static const void *section(const struct model *m, enum model_section s)
{
    return (const char *)m->map + m->header->section[s].at;
}

static void find_sections(struct model *m)
{
    m->words = section(m, SECTION_WORDS);
    m->positions = section(m, SECTION_POSITIONS);
    m->vectors = section(m, SECTION_VECTORS);
    m->fp32 = section(m, SECTION_FP32);
    m->bf16 = section(m, SECTION_BF16);
    m->trie = section(m, SECTION_TRIE);
}

static int map_file(struct model *m, const char *path, char *why, size_t why_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return refuse(why, why_size, ENOENT, path,
                      "it does not exist (scripts/assets-model makes it)");
    if (fd < 0 || fstat(fd, &st) != 0) {
        int code = errno ? errno : EIO;
        if (fd >= 0)
            close(fd);
        return refuse(why, why_size, code, path, "%s", strerror(code));
    }
    if (!S_ISREG(st.st_mode) || st.st_size < MODEL_ALIGNMENT) {
        close(fd);
        return refuse(why, why_size, EINVAL, path,
                      "it is not a prepacked model (petiole-assets model makes one)");
    }
    m->map_bytes = (size_t)st.st_size;
    m->map = mmap(NULL, m->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
    int code = errno ? errno : EIO; /* never 0, which would be success */
    close(fd);
    if (m->map == MAP_FAILED) {
        m->map = NULL;
        return refuse(why, why_size, code, path, "%s", strerror(code));
    }
    return 0;
}

int model_open(struct model *m, const char *path, char *why, size_t why_size)
{
    *m = (struct model){0};
    int r = map_file(m, path, why, why_size);
    if (r < 0)
        return r;
    m->header = m->map;
    r = check_header(m->header, m->map_bytes, path, why, why_size);
    if (r == 0) {
        find_sections(m);
        if (!trie_is_closed(m->header, m->trie))
            r = refuse(why, why_size, EINVAL, path,
                       "its vocabulary is damaged " REBUILD);
    }
    if (r < 0)
        model_close(m);
    return r;
}

void model_close(struct model *m)
{
    if (m->map)
        munmap((void *)m->map, m->map_bytes);
    *m = (struct model){0};
}

int model_verify(const struct model *m, char *why, size_t why_size)
{
    uint64_t sum = model_sum(0, (const char *)m->map + MODEL_ALIGNMENT,
                             m->map_bytes - MODEL_ALIGNMENT);
    if (sum == m->header->content_sum)
        return 0;
    snprintf(why, why_size, "the embedding model's content is damaged " REBUILD);
    return -EINVAL;
}
