/* SPDX-License-Identifier: Apache-2.0 */
/* settings - what an operator may set, each named and bounded once, in settings.c. */
#ifndef DOCUMENTS_SETTINGS_H
#define DOCUMENTS_SETTINGS_H

#include <petiole/task.h>

enum number_setting {
    SETTING_CHUNK_SIZE,
    SETTING_OVERLAP,
    SETTING_MAX_CHUNKS,
    SETTING_MAX_TEXTS,
    SETTING_MAX_INPUT_BYTES,
    SETTING_MAX_TEXT_BYTES,
    SETTING_MAX_INDEX_BYTES,
    SETTING_EXTRACT_SECONDS,
    SETTING_EXTRACT_MEMORY_BYTES,
};

/* The setting, or its default. A value out of bounds flags ImproperlyConfigured. */
int64_t setting_number(ptl_task *t, enum number_setting which);
/* An argument of this name, else the setting, within the same bounds; a caller's value
 * beyond them flags ValueError. */
int64_t setting_number_or_argument(ptl_task *t, enum number_setting which,
                                   const char *argument);

#endif
