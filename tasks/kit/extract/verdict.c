/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "helper.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 600

void verdict_line(char *why, size_t size, const char *fmt, ...)
{
    char raw[LINE_MAX_BYTES], clean[TEXT_DECODED_MAX(LINE_MAX_BYTES)];
    struct text_decoder d = {.encoding = TEXT_UTF8};
    size_t len, raw_len;
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    raw_len = strcspn(raw, "\r\n");
    len = text_decode(&d, (const uint8_t *)raw, raw_len, clean);
    len += text_decode_end(&d, clean + len);
    for (size_t i = 0; i < len; i++)
        if (clean[i] == '\t')
            clean[i] = ' ';
    if (len >= size) {
        len = size - 1;
        while (len && (clean[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(why, clean, len);
    why[len] = '\0';
}

/* What the helper complained of first. */
static const char *complaint(const struct process *p)
{
    return p->said[0] && p->said[0] != '\n' ? p->said : "it gave no reason";
}

static enum extract_status of_signal(const struct process *p,
                                     const struct extract_limits *limits, char *why,
                                     size_t size)
{
    if (p->code == SIGXCPU)
        verdict_line(
            why, size,
            "the document was given up after %u s of CPU time: it may be made to "
            "keep the converter busy",
            limits->cpu_s);
    else if (p->code == SIGSYS)
        verdict_line(why, size,
                     "the converter was killed for a forbidden system call: treat the "
                     "document as hostile");
    else if (p->code == SIGKILL)
        verdict_line(
            why, size,
            "the converter was killed from outside: was the machine or container "
            "out of memory?");
    else
        verdict_line(why, size,
                     "the converter crashed on this document (%s): out of its %" PRIu64
                     " MiB of memory, or a defect in it",
                     strsignal(p->code), limits->memory_bytes >> 20);
    return EXTRACT_CRASHED;
}

static bool is_encrypted(const struct process *p)
{
    return strstr(p->said, "Incorrect password") ||
           strstr(p->said, "security handler") || strstr(p->said, "encryption");
}

static bool is_out_of_memory(const struct process *p)
{
    return strstr(p->said, "Out of memory") || strstr(p->said, "bad_alloc");
}

static enum extract_status of_failed_pdf(const struct process *p, char *why,
                                         size_t size)
{
    enum { COPYING_FORBIDDEN = 3 };

    if (is_encrypted(p)) {
        verdict_line(why, size,
                     "the PDF is encrypted: remove its password and send it again");
        return EXTRACT_ENCRYPTED;
    }
    if (p->code == COPYING_FORBIDDEN) {
        verdict_line(why, size,
                     "the PDF forbids copying its text: remove that and send it again");
        return EXTRACT_ENCRYPTED;
    }
    if (is_out_of_memory(p)) {
        verdict_line(why, size, "the PDF needs more memory than it is allowed");
        return EXTRACT_CRASHED;
    }
    verdict_line(why, size, "the PDF could not be read: %s", complaint(p));
    return EXTRACT_BROKEN;
}

static enum extract_status of_exit(const struct process *p, enum extract_format format,
                                   char *why, size_t size)
{
    switch (p->code) {
    case HELPER_NO_SANDBOX:
    case HELPER_NO_CONVERTER:
    case HELPER_WRONG_USE:
        verdict_line(why, size, "%s", complaint(p));
        return EXTRACT_UNAVAILABLE;
    case HELPER_NOT_TEXT:
    case HELPER_UNREADABLE:
        verdict_line(why, size, "the text could not be read: %s", complaint(p));
        return EXTRACT_BROKEN;
    case 1:
    case 2:
    case 3:
    case 99:
        if (format == EXTRACT_PDF)
            return of_failed_pdf(p, why, size);
    }
    verdict_line(why, size, "the helper ended with status %d: %s", p->code,
                 complaint(p));
    return EXTRACT_CRASHED;
}

static enum extract_status of_empty(const struct process *p, const struct transcript *t,
                                    enum extract_format format, char *why, size_t size)
{
    if (format != EXTRACT_PDF) {
        verdict_line(why, size, "there is no text in the file");
        return EXTRACT_EMPTY;
    }
    if (strstr(p->said, "Error")) {
        verdict_line(why, size, "the PDF gave no text: %s", complaint(p));
        return EXTRACT_BROKEN;
    }
    verdict_line(
        why, size,
        "there is no text in the PDF's %u page%s: if they are scanned, run text "
        "recognition (OCR) first",
        t->pages, t->pages == 1 ? "" : "s");
    return EXTRACT_EMPTY;
}

static enum extract_status of_refusal(const struct process *p,
                                      const struct extract_limits *limits, char *why,
                                      size_t size)
{
    if (p->code == -EFBIG) {
        verdict_line(why, size, "the text is longer than the %" PRIu64 " bytes allowed",
                     limits->output_bytes);
        return EXTRACT_TOO_LARGE;
    }
    verdict_line(why, size, "no memory for the document's text");
    return EXTRACT_CRASHED;
}

enum extract_status verdict(const struct process *p, const struct transcript *t,
                            enum extract_format format,
                            const struct extract_limits *limits, char *why, size_t size)
{
    switch (p->end) {
    case PROCESS_NOT_STARTED:
        verdict_line(why, size, "could not start %s: %s", p->path, strerror(p->code));
        return EXTRACT_UNAVAILABLE;
    case PROCESS_CANCELLED:
        verdict_line(why, size, "the extraction was cancelled");
        return EXTRACT_CANCELLED;
    case PROCESS_TIMED_OUT:
        verdict_line(why, size, "the document was given up after %u.%u s",
                     limits->wall_ms / 1000, limits->wall_ms % 1000 / 100);
        return EXTRACT_TIMEOUT;
    case PROCESS_REFUSED:
        return of_refusal(p, limits, why, size);
    case PROCESS_SIGNALLED:
        return of_signal(p, limits, why, size);
    case PROCESS_EXITED:
        break;
    }
    if (p->code != HELPER_DONE)
        return of_exit(p, format, why, size);
    return t->has_text ? EXTRACT_OK : of_empty(p, t, format, why, size);
}
