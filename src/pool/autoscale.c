/* SPDX-License-Identifier: Apache-2.0 */
#include "autoscale.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define CHILDREN_MAX 1024

static bool parse_count(const char **text, int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(*text, &end, 10);
    if (end == *text || errno || n < 0 || n > CHILDREN_MAX)
        return false;
    *text = end;
    *out = n;
    return true;
}

bool autoscale_parse(const char *text, int64_t *max, int64_t *min)
{
    int64_t a, b = 0;
    if (!parse_count(&text, &a) || (*text && *text++ != ',') ||
        (*text && !parse_count(&text, &b)) || *text)
        return false;
    *max = a > b ? a : b;
    *min = a > b ? b : a;
    return *max > 0;
}

void autoscale_init(struct autoscale *a, size_t max, size_t min)
{
    const char *text = getenv("AUTOSCALE_KEEPALIVE");
    char *end = NULL;
    double s = text ? strtod(text, &end) : 0;
    bool usable = text && end != text && !*end && isfinite(s) && s > 0 && s < 1e9;
    *a = (struct autoscale){.max = max,
                            .min = min,
                            .keepalive_ms = usable ? (int64_t)(s * 1000 + 0.5)
                                                   : AUTOSCALE_KEEPALIVE_S * 1000,
                            .last_active_ms = -1};
}

int autoscale_decide(struct autoscale *a, size_t children, size_t tasks, int64_t now_ms)
{
    size_t up = tasks < a->max ? tasks : a->max;
    size_t down = tasks > a->min ? tasks : a->min;
    if (up > children) {
        a->last_active_ms = now_ms;
        return (int)(up - children);
    }
    if (down < children && a->last_active_ms >= 0 &&
        now_ms - a->last_active_ms > a->keepalive_ms)
        return -(int)(children - down);
    return 0;
}
