/* SPDX-License-Identifier: Apache-2.0 */
/* extract - text out of an untrusted file, in a helper process that cannot harm.
 *
 * The file is opened by the caller and passed as a descriptor; the helper
 * (petiole-extract) runs with no_new_privs, rlimits, a seccomp filter without sockets,
 * Landlock where the kernel has it, an empty environment, a wall clock, and a cap on
 * what it may write back. */
#ifndef KIT_EXTRACT_H
#define KIT_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum extract_format {
    EXTRACT_TEXT, /* UTF-8 (a BOM is dropped), else Latin-1, as the file's bytes say */
    EXTRACT_MARKDOWN, /* as text: its marks are kept */
    EXTRACT_PDF,      /* pages marked "\n## Pagina N\n\n…" */
};

struct extract_limits {
    uint64_t input_bytes;  /* a larger file is refused */
    uint64_t output_bytes; /* of text */
    uint64_t memory_bytes; /* RLIMIT_AS of the helper */
    uint32_t wall_ms;
    uint32_t cpu_s;
};
extern const struct extract_limits extract_default_limits;

enum extract_status {
    EXTRACT_OK,
    EXTRACT_EMPTY,     /* no text in it */
    EXTRACT_TOO_LARGE, /* the file, or its text */
    EXTRACT_ENCRYPTED,
    EXTRACT_BROKEN, /* the converter could not read it */
    EXTRACT_TIMEOUT,
    EXTRACT_CRASHED, /* the helper died: memory, CPU time, a forbidden call */
    EXTRACT_CANCELLED,
    EXTRACT_UNAVAILABLE, /* helper or converter is not installed */
};

struct extract_result {
    char *text; /* valid UTF-8, NUL-terminated; freed by extract_result_finish */
    size_t len;
    uint32_t pages; /* of a PDF, else 0 */
    char why[200];  /* one line unless EXTRACT_OK */
};

/* By the name's suffix; `ok` is false if no format is known for it. */
enum extract_format extract_format_of(const char *name, bool *ok);

/* Blocks until the helper is gone; `cancelled` (may be NULL) is asked ten times a
 * second. fd must be readable and seekable; it stays the caller's. */
enum extract_status extract_run(int fd, enum extract_format format,
                                const struct extract_limits *limits,
                                bool (*cancelled)(void *ctx), void *ctx,
                                struct extract_result *out);
void extract_result_finish(struct extract_result *r);

/* What protection is missing here, as one line for the log; NULL if none. */
const char *extract_missing_protection(void);

#endif
