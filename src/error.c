/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void cut(char *msg, size_t size, int wanted)
{
    if (wanted >= (int)size)
        memcpy(msg + size - 4, "...", 4);
}

int error_set(struct error *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cut(e->msg, sizeof(e->msg), vsnprintf(e->msg, sizeof(e->msg), fmt, ap));
    va_end(ap);
    e->code = code;
    return -code;
}

int error_wrap(struct error *e, const char *fmt, ...)
{
    char old[sizeof(e->msg)];
    memcpy(old, e->msg, sizeof(old));

    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && n < (int)sizeof(e->msg)) {
        int more = snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old);
        n += more > 0 ? more : 0;
    }
    cut(e->msg, sizeof(e->msg), n);
    return -e->code;
}
