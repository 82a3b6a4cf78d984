/* SPDX-License-Identifier: Apache-2.0 */
/* helper - petiole-extract: first the sandbox, then the document. */
#include "helper.h"

#include "read_text.h"
#include "sandbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fixed places: there is no PATH in here, and none would be believed. */
static const char *const converters[] = {"/usr/bin/pdftotext",
                                         "/usr/local/bin/pdftotext"};

static const char *find_converter(void)
{
    for (size_t i = 0; i < sizeof(converters) / sizeof(converters[0]); i++)
        if (access(converters[i], X_OK) == 0)
            return converters[i];
    return NULL;
}

static bool read_number(const char *word, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(word, &end, 10);
    return errno == 0 && end != word && !*end;
}

static bool read_arguments(int argc, char **argv, struct sandbox *s, bool *is_pdf)
{
    uint64_t cpu_s, parent;

    if (argc != 5 || !read_number(argv[2], &s->memory_bytes) ||
        !read_number(argv[3], &cpu_s) || !read_number(argv[4], &parent))
        return false;
    s->cpu_s = cpu_s < UINT32_MAX ? (uint32_t)cpu_s : UINT32_MAX;
    s->parent = (pid_t)parent;
    *is_pdf = strcmp(argv[1], HELPER_FORMAT_PDF) == 0;
    return *is_pdf || strcmp(argv[1], HELPER_FORMAT_TEXT) == 0;
}

/* "-" is stdin. Without -q, because what it says is the reason the user is given. */
static enum helper_exit convert_pdf(const char *converter)
{
    const char *const argv[] = {"pdftotext", "-enc", "UTF-8", "-eol",
                                "unix",      "-",    "-",     NULL};
    char *const empty[] = {NULL};

    execve(converter, (char *const *)argv, empty);
    fprintf(stderr, "could not start %s: %s\n", converter, strerror(errno));
    return HELPER_NO_CONVERTER;
}

int main(int argc, char **argv)
{
    struct sandbox s = {0};
    char why[160];
    bool is_pdf;

    if (!read_arguments(argc, argv, &s, &is_pdf)) {
        fputs(HELPER_PROGRAM
              " is started by petiole's documents plugin, as\n"
              "    " HELPER_PROGRAM " text|pdf MEMORY_BYTES CPU_SECONDS PARENT_PID\n"
              "with the document on stdin; it writes the text to stdout.\n",
              stderr);
        return HELPER_WRONG_USE;
    }
    s.program = is_pdf ? find_converter() : NULL;
    if (is_pdf && !s.program) {
        fputs("pdftotext is not installed: install the package poppler-utils\n",
              stderr);
        return HELPER_NO_CONVERTER;
    }
    if (sandbox_enter(&s, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return HELPER_NO_SANDBOX;
    }
    return is_pdf ? convert_pdf(s.program) : read_text();
}
