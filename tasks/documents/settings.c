/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct {
    const char *name;
    int64_t otherwise, least, most;
} numbers[] = {
    [SETTING_CHUNK_SIZE] = {"documents.chunk_size", 1200, 16, 1000000},
    [SETTING_OVERLAP] = {"documents.overlap", 200, 0, 1000000},
    [SETTING_MAX_CHUNKS] = {"documents.max_chunks", 20000, 1, 1000000},
    [SETTING_MAX_TEXTS] = {"documents.max_texts", 10000, 1, 1000000},
    [SETTING_MAX_INPUT_BYTES] = {"documents.max_input_bytes", 100 << 20, 1,
                                 (int64_t)1 << 40},
    [SETTING_MAX_TEXT_BYTES] = {"documents.max_text_bytes", 64 << 20, 1, 1 << 30},
    [SETTING_MAX_INDEX_BYTES] = {"documents.max_index_bytes", 256 << 20, 1, 1 << 30},
    [SETTING_EXTRACT_SECONDS] = {"documents.extract_seconds", 60, 1, 86400},
    [SETTING_EXTRACT_MEMORY_BYTES] = {"documents.extract_memory_bytes", 1 << 30,
                                      64 << 20, (int64_t)1 << 40},
};

int64_t setting_number(ptl_task *t, enum number_setting which)
{
    const char *text = ptl_setting(t, numbers[which].name);
    char *end;

    if (!text)
        return numbers[which].otherwise;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && value >= numbers[which].least &&
        value <= numbers[which].most)
        return value;
    ptl_fail(t, "ImproperlyConfigured",
             "the setting %s is '%s'; it must be a whole number from %" PRId64
             " to %" PRId64,
             numbers[which].name, text, numbers[which].least, numbers[which].most);
    return numbers[which].otherwise;
}

int64_t setting_number_or_argument(ptl_task *t, enum number_setting which,
                                   const char *argument)
{
    int64_t value = ptl_arg_int_or(t, argument, setting_number(t, which));

    if (value < numbers[which].least || value > numbers[which].most)
        ptl_fail(t, "ValueError", "%s must be from %" PRId64 " to %" PRId64, argument,
                 numbers[which].least, numbers[which].most);
    return value;
}
