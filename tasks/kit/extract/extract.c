/* SPDX-License-Identifier: Apache-2.0 */
#include "extract.h"

#include "helper.h"
#include "locate.h"
#include "process.h"
#include "transcript.h"
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

const struct extract_limits extract_default_limits = {
    .input_bytes = 100u << 20,
    .output_bytes = 64u << 20,
    .memory_bytes = 1u << 30,
    .wall_ms = 60 * 1000,
    .cpu_s = 30,
};

enum extract_format extract_format_of(const char *name, bool *ok)
{
    static const struct {
        const char *suffix;
        enum extract_format format;
    } known[] = {
        {".txt", EXTRACT_TEXT},    {".text", EXTRACT_TEXT},
        {".md", EXTRACT_MARKDOWN}, {".markdown", EXTRACT_MARKDOWN},
        {".pdf", EXTRACT_PDF},
    };
    const char *slash = strrchr(name, '/');
    const char *suffix = strrchr(slash ? slash : name, '.');

    for (size_t i = 0; suffix && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(suffix, known[i].suffix) == 0) {
            *ok = true;
            return known[i].format;
        }
    }
    *ok = false;
    return EXTRACT_TEXT;
}

static enum extract_status refuse_kind(const struct stat *st, char *why, size_t size)
{
    const char *kind = S_ISDIR(st->st_mode)    ? "a directory"
                       : S_ISFIFO(st->st_mode) ? "a pipe"
                       : S_ISSOCK(st->st_mode) ? "a socket"
                                               : "a device";

    verdict_line(why, size, "the document is %s: it must be a regular file", kind);
    return EXTRACT_BROKEN;
}

/* A descriptor of the helper's own, so that it neither moves the caller's position nor
 * could write, whatever the caller's may do. Without /proc the caller's must do. */
static int reopen(int fd)
{
    char path[40];
    int own;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (own < 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY &&
        lseek(fd, 0, SEEK_SET) == 0)
        own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return own;
}

static enum extract_status open_document(int fd, const struct extract_limits *limits,
                                         int *own, char *why, size_t size)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        verdict_line(why, size, "the document cannot be read: %s", strerror(errno));
        return EXTRACT_BROKEN;
    }
    if (!S_ISREG(st.st_mode))
        return refuse_kind(&st, why, size);
    if (st.st_size == 0) {
        verdict_line(why, size, "the file is empty");
        return EXTRACT_EMPTY;
    }
    if ((uint64_t)st.st_size > limits->input_bytes) {
        verdict_line(why, size,
                     "the file has %jd bytes, more than the %" PRIu64 " allowed",
                     (intmax_t)st.st_size, limits->input_bytes);
        return EXTRACT_TOO_LARGE;
    }
    *own = reopen(fd);
    if (*own < 0) {
        verdict_line(why, size, "the document cannot be opened again for reading: %s",
                     strerror(errno));
        return EXTRACT_BROKEN;
    }
    return EXTRACT_OK;
}

static int take_output(void *ctx, const void *bytes, size_t n)
{
    return transcript_add(ctx, bytes, n);
}

/* Starts the helper on the document and gathers its text. */
static void run_helper(struct process *p, struct transcript *t,
                       enum extract_format format, const struct extract_limits *limits)
{
    char memory[24], cpu[16], parent[16];
    const char *kind = format == EXTRACT_PDF ? HELPER_FORMAT_PDF : HELPER_FORMAT_TEXT;
    const char *const argv[] = {HELPER_PROGRAM, kind, memory, cpu, parent, NULL};
    int failed;

    snprintf(memory, sizeof memory, "%" PRIu64, limits->memory_bytes);
    snprintf(cpu, sizeof cpu, "%u", limits->cpu_s);
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    p->argv = argv;
    process_run(p);
    p->argv = NULL;
    if (p->end != PROCESS_EXITED || p->code != HELPER_DONE)
        return;
    failed = transcript_end(t);
    if (failed) {
        p->end = PROCESS_REFUSED;
        p->code = failed;
    }
}

enum extract_status extract_run(int fd, enum extract_format format,
                                const struct extract_limits *limits,
                                bool (*cancelled)(void *ctx), void *ctx,
                                struct extract_result *out)
{
    const struct extract_limits *l = limits ? limits : &extract_default_limits;
    char helper[PATH_MAX];
    struct transcript t;
    struct process p = {.path = helper,
                        .wall_ms = l->wall_ms,
                        .take = take_output,
                        .take_ctx = &t,
                        .cancelled = cancelled,
                        .cancelled_ctx = ctx};
    enum extract_status status;

    *out = (struct extract_result){0};
    status = open_document(fd, l, &p.input, out->why, sizeof out->why);
    if (status != EXTRACT_OK)
        return status;
    transcript_init(&t, format == EXTRACT_PDF, l->output_bytes);
    if (locate_helper(helper, sizeof helper)) {
        run_helper(&p, &t, format, l);
        status = verdict(&p, &t, format, l, out->why, sizeof out->why);
    } else {
        verdict_line(
            out->why, sizeof out->why,
            "documents cannot be read: no program %s: install petiole whole, or "
            "name it in PETIOLE_EXTRACT_HELPER",
            helper);
        status = EXTRACT_UNAVAILABLE;
    }
    close(p.input);
    if (status != EXTRACT_OK) {
        transcript_finish(&t);
        return status;
    }
    out->text = t.text; /* the result owns it now */
    out->len = t.len;
    out->pages = t.pages;
    return EXTRACT_OK;
}

void extract_result_finish(struct extract_result *r)
{
    if (!r)
        return;
    free(r->text);
    *r = (struct extract_result){0};
}
