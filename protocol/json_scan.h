/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan - the leaves of JSON, read one by one. Used by json_read only. */
#ifndef PROTOCOL_JSON_SCAN_H
#define PROTOCOL_JSON_SCAN_H

#include "json.h"

/* A cursor over the text. The first error stays: `what` is set once. */
struct json_scan {
    const char *p, *end;
    struct arena *arena;
    bool copy_strings;
    const char *what;
    bool out_of_memory;
};

/* Both return false, so that a failing function ends in one line. */
bool json_scan_fail(struct json_scan *s, const char *at, const char *what);
bool json_scan_out_of_memory(struct json_scan *s);

/* A string; p stands behind its opening quote, and then behind its closing one. */
bool json_scan_string(struct json_scan *s, struct str *out);
/* A number, or NaN or an infinity with its sign; p stands on its first byte. */
const ptl_value *json_scan_number(struct json_scan *s);

/* What kombu's object_hook makes of a map: usually the map itself; NULL on an error. */
const ptl_value *json_scan_typed(struct json_scan *s, const ptl_value *map);

#endif
