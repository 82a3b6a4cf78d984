/* SPDX-License-Identifier: Apache-2.0 */
#include "extraction.h"

#include "../kit/extract/extract.h"
#include "assets.h"
#include "settings.h"

#include <stdlib.h>

static const struct {
    const char *name;
    enum extract_format format;
} formats[] = {
    {"text", EXTRACT_TEXT},
    {"markdown", EXTRACT_MARKDOWN},
    {"pdf", EXTRACT_PDF},
};

static const char *const exception_of[] = {
    [EXTRACT_EMPTY] = "ValueError",         [EXTRACT_TOO_LARGE] = "ValueError",
    [EXTRACT_ENCRYPTED] = "RuntimeError",   [EXTRACT_BROKEN] = "RuntimeError",
    [EXTRACT_TIMEOUT] = "TimeoutError",     [EXTRACT_CRASHED] = "RuntimeError",
    [EXTRACT_UNAVAILABLE] = "RuntimeError",
};

static bool format_of_call(ptl_task *t, const char *file_name,
                           enum extract_format *format)
{
    const char *wanted = ptl_arg_str_or(t, "format", NULL);
    bool known = false;

    for (size_t i = 0; wanted && i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(wanted, formats[i].name) == 0) {
            *format = formats[i].format;
            return true;
        }
    if (wanted)
        ptl_fail(t, "ValueError",
                 "format must be 'text', 'markdown' or 'pdf', not '%s'", wanted);
    *format = extract_format_of(file_name, &known);
    if (!known)
        ptl_fail(t, "ValueError",
                 "%s: no format is known by this name's ending; the argument 'format' "
                 "can be 'text', 'markdown' or 'pdf'",
                 file_name);
    return !ptl_failed(t);
}

static void tell_missing_protection(ptl_task *t)
{
    struct assets *assets = ptl_state(t);
    const char *missing =
        assets->protection_was_told ? NULL : extract_missing_protection();

    assets->protection_was_told = true;
    if (missing)
        ptl_log(t, PTL_WARNING, "%s", missing);
}

static bool is_cancelled(void *task)
{
    return ptl_cancelled(task);
}

static void free_result(void *result)
{
    extract_result_finish(result);
    free(result);
}

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((uint8_t)text.p[i] > ' ')
            return false;
    return true;
}

static bool fail_extraction(ptl_task *t, const char *name, enum extract_status status,
                            const char *why)
{
    if (status != EXTRACT_CANCELLED)
        ptl_fail(t, exception_of[status], "%s: %s", name, why);
    return false;
}

bool extraction_of_file(ptl_task *t, const struct opened *file, struct extracted *out)
{
    struct extract_limits limits = {
        .input_bytes = (uint64_t)setting_number(t, SETTING_MAX_INPUT_BYTES),
        .output_bytes = (uint64_t)setting_number(t, SETTING_MAX_TEXT_BYTES),
        .memory_bytes = (uint64_t)setting_number(t, SETTING_EXTRACT_MEMORY_BYTES),
        .wall_ms = (uint32_t)setting_number(t, SETTING_EXTRACT_SECONDS) * 1000,
        .cpu_s = (uint32_t)setting_number(t, SETTING_EXTRACT_SECONDS),
    };
    enum extract_format format;
    struct extract_result *result = calloc(1, sizeof(*result));

    if (!result)
        ptl_fail(t, "MemoryError", "no memory to read %s", file->name);
    if (!result || !ptl_defer(t, free_result, result) ||
        !format_of_call(t, file->name, &format))
        return false;
    tell_missing_protection(t);
    enum extract_status status =
        extract_run(file->fd, format, &limits, is_cancelled, t, result);
    if (status != EXTRACT_OK)
        return fail_extraction(t, file->name, status, result->why);
    *out = (struct extracted){{result->text, result->len}, result->pages};
    return true;
}

bool extraction_of_text(ptl_task *t, const char *name, struct str text,
                        struct extracted *out)
{
    size_t most = (size_t)setting_number(t, SETTING_MAX_TEXT_BYTES);

    if (!name)
        name = "source";
    if (text.n > most)
        ptl_fail(t, "ValueError",
                 "%s: %zu bytes of text are more than the setting "
                 "documents.max_text_bytes allows (%zu)",
                 name, text.n, most);
    if (is_blank(text))
        ptl_fail(t, "ValueError", "%s: there is no text in it", name);
    *out = (struct extracted){.text = text};
    return !ptl_failed(t);
}
