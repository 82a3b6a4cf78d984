/* SPDX-License-Identifier: Apache-2.0 */
#include "metric_check.h"

#include "../../protocol/utf8.h"
#include "label.h"
#include "metrics_parts.h"

#include <ctype.h>
#include <math.h>

#define NAME_MAX_BYTES 100u
#define HELP_MAX_BYTES 400u
#define LABELS_MAX 10u

static bool is_word(struct str s, const char *also)
{
    if (s.n == 0 || s.n > NAME_MAX_BYTES || isdigit((unsigned char)s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) &&
            (s.p[i] == '\0' || !strchr(also, s.p[i])))
            return false;
    return true;
}

static bool begins(struct str s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

bool metric_name_ends(struct str s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

/* The worker's own families stay its own. */
static bool name_is_free(struct str name)
{
    return is_word(name, "_:") && !begins(name, "celery_") &&
           !begins(name, "petiole_") && !begins(name, "process_");
}

/* NAME="value", the value as Prometheus escapes it; returns what is behind, or NULL. */
static const char *skip_label(const char *p, const char *end, struct str *name)
{
    const char *equals = memchr(p, '=', (size_t)(end - p));
    if (!equals || end - equals < 3 || equals[1] != '"')
        return NULL;
    *name = (struct str){p, (size_t)(equals - p)};
    if (!is_word(*name, "_") || begins(*name, "__") || str_is(*name, "le"))
        return NULL;
    for (p = equals + 2; p < end && *p != '"'; p++) {
        if ((unsigned char)*p < ' ' && *p != '\t')
            return NULL;
        if (*p == '\\' && (++p == end || !strchr("\\\"n", *p) || !*p))
            return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static bool labels_are_valid(struct str labels)
{
    struct str names[LABELS_MAX];
    const char *p = labels.p, *end = labels.p + labels.n;
    if (labels.n > METRIC_LABELS_BYTES || !utf8_valid(labels))
        return false;
    for (size_t n = 0; labels.n > 0; n++, p++) {
        if (n == LABELS_MAX || !(p = skip_label(p, end, &names[n])))
            return false;
        for (size_t i = 0; i < n; i++)
            if (str_eq(names[i], names[n]))
                return false;
        if (p == end)
            break;
        if (*p != ',')
            return false;
    }
    return true;
}

static bool buckets_are_valid(const struct frame_metric *f)
{
    if (f->nbuckets == 0 || f->nbuckets > FRAME_BUCKETS_MAX)
        return false;
    for (size_t i = 0; i < f->nbuckets; i++)
        if (!isfinite(f->buckets[i]) || (i > 0 && f->buckets[i] <= f->buckets[i - 1]))
            return false;
    return true;
}

bool metric_is_valid(const struct frame_metric *f)
{
    bool histogram = f->kind == FRAME_METRIC_OBSERVE;
    return name_is_free(f->name) && f->help.n <= HELP_MAX_BYTES &&
           utf8_valid(f->help) && labels_are_valid(f->labels) && isfinite(f->value) &&
           (f->kind != FRAME_METRIC_COUNT || f->value >= 0) &&
           (!histogram || buckets_are_valid(f));
}

void metric_put_others(struct wr *out, struct str labels)
{
    const char *p = labels.p, *end = labels.p + labels.n;
    struct str name;
    for (; labels.n > 0 && (p = skip_label(p, end, &name)); p++) {
        char word[NAME_MAX_BYTES + 1] = "";
        memcpy(word, name.p, name.n);
        label_put(out, word, STR("other"));
        if (p == end)
            break;
    }
}
