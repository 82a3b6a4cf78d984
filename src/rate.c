/* SPDX-License-Identifier: Apache-2.0 */
#include "rate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A loop that wakes so much late has not idled: fast limits would sink below their rate
 * if each token were counted from the moment it was fetched. */
#define LATE_US 2000

/* As celery.utils.time.rate: the unit may be missing, and is a second then. */
static double unit_s(const char *rest)
{
    static const struct {
        const char *name;
        double s;
    } units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/h", 3600}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(rest, units[i].name) == 0)
            return units[i].s;
    return 0;
}

bool rate_parse(const char *text, double *per_s)
{
    if (!*text || strcasecmp(text, "none") == 0 || strcasecmp(text, "null") == 0) {
        *per_s = 0;
        return true;
    }
    char *rest;
    double n = strtod(text, &rest), unit = unit_s(rest);
    if (rest == text || unit == 0 || !isfinite(n) || n < 0)
        return false;
    double rate = n / unit;
    *per_s = rate > 0 && rate < RATE_MIN_PER_S ? RATE_MIN_PER_S
             : rate > RATE_MAX_PER_S           ? RATE_MAX_PER_S
                                               : rate;
    return true;
}

static int64_t interval_us(const struct rate *r)
{
    return r->per_s > 0 ? (int64_t)(1e6 / r->per_s) : 0;
}

void rate_set(struct rate *r, double per_s, int64_t now_us)
{
    int64_t taken_us = r->next_us - interval_us(r); /* the last token */
    bool fresh = r->per_s == 0;
    r->per_s = per_s;
    r->next_us = fresh ? now_us : taken_us + interval_us(r);
}

bool rate_take(struct rate *r, int64_t now_us)
{
    if (r->per_s > 0 && now_us < r->next_us)
        return false;
    int64_t late_us = now_us - r->next_us, interval = interval_us(r);
    int64_t slack_us = interval < LATE_US ? interval : LATE_US;
    r->next_us = interval + (late_us < slack_us ? r->next_us : now_us);
    return true;
}

int64_t rate_wait_us(const struct rate *r, int64_t now_us)
{
    return r->per_s > 0 && r->next_us > now_us ? r->next_us - now_us : 0;
}
