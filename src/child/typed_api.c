/* SPDX-License-Identifier: Apache-2.0 */
/* typed_api - datetimes, decimals and UUIDs as handlers read and make them. */
#include "../../protocol/timestamp.h"
#include "../../protocol/typed.h"
#include "task.h"
#include "text.h"

#define HEX_DIGITS 32

ptl_type ptl_type_of(const ptl_value *v)
{
    static const ptl_type types[] = {
        [TYPED_NONE] = PTL_PLAIN, [TYPED_DATETIME] = PTL_DATETIME,
        [TYPED_DATE] = PTL_DATE,  [TYPED_TIME] = PTL_TIME,
        [TYPED_UUID] = PTL_UUID,  [TYPED_DECIMAL] = PTL_DECIMAL,
    };

    return types[typed_kind_of(v)];
}

int64_t ptl_datetime_us(const ptl_value *v)
{
    int64_t us = 0;

    return typed_us(v, &us) ? us : 0;
}

const char *ptl_typed_str(const ptl_value *v)
{
    return typed_text(v).p;
}

/* Copies the text, and refuses what Python would. */
static ptl_value *make(ptl_task *t, enum typed_kind kind, struct str text)
{
    struct str copy = arena_copy(t->arena, text);
    ptl_value *v = copy.p ? typed_make(t->arena, kind, copy) : NULL;
    const char *why;

    if (!v)
        return task_fail_memory(t);
    if (!text_is_valid(text))
        return task_fail(t, "ValueError", "text made by %s is not UTF-8",
                         ptl_task_name(t));
    if (!typed_is_valid(v, &why))
        return task_fail(t, "ValueError", "%s: '%.100s'", why, copy.p);
    return v;
}

ptl_value *ptl_new_datetime(ptl_task *t, int64_t us)
{
    char text[TIMESTAMP_TEXT];

    timestamp_format(text, us);
    return make(t, TYPED_DATETIME, str_of(text));
}

ptl_value *ptl_new_date(ptl_task *t, const char *iso)
{
    return make(t, TYPED_DATE, str_of(iso ? iso : ""));
}

ptl_value *ptl_new_time(ptl_task *t, const char *iso)
{
    return make(t, TYPED_TIME, str_of(iso ? iso : ""));
}

ptl_value *ptl_new_decimal(ptl_task *t, const char *digits)
{
    return make(t, TYPED_DECIMAL, str_of(digits ? digits : ""));
}

/* Without its dashes, which is how kombu writes it. What is too long goes on as it is,
 * to be refused. */
ptl_value *ptl_new_uuid(ptl_task *t, const char *hex)
{
    char digits[HEX_DIGITS + 1];
    const char *p = hex ? hex : "";
    size_t n = 0;

    for (; *p && n < HEX_DIGITS; p++)
        if (*p != '-')
            digits[n++] = *p >= 'A' && *p <= 'F' ? (char)(*p | 0x20) : *p;
    return make(t, TYPED_UUID, *p ? str_of(hex) : (struct str){digits, n});
}
