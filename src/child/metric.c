/* SPDX-License-Identifier: Apache-2.0 */
/* metric - what a handler counts, told to the parent, which adds up what all children
 * say. A metric that is none is a warning in the log: it never fails a task. */
#include "task.h"

#include "../http/label.h"

#define LABELS_BYTES 2048u

static const double default_buckets[] = {.005, .01, .025, .05, .075, .1,  .25,
                                         .5,   .75, 1,    2.5, 5,    7.5, 10};

/* The next of "user_id status"; empty at the end. */
static struct str next_name(const char **names)
{
    *names += strspn(*names, " ");
    struct str name = {*names, strcspn(*names, " ")};
    *names += name.n;
    return name;
}

/* Each name with its value. False: there are more of these or of those. */
static bool put_labels(struct wr *out, const char *names, va_list values)
{
    char word[101];
    const char *value;
    for (struct str name = next_name(&names); name.n > 0; name = next_name(&names)) {
        if (name.n >= sizeof(word) || !(value = va_arg(values, const char *)))
            return false;
        memcpy(word, name.p, name.n);
        word[name.n] = '\0';
        label_put(out, word, label_cut(str_of(value)));
    }
    return !va_arg(values, const char *) && !out->bad;
}

static void put_buckets(struct frame_metric *f, const ptl_metric *m)
{
    bool given = m->nbuckets > 0 && m->nbuckets <= FRAME_BUCKETS_MAX;
    const double *from = given ? m->buckets : default_buckets;
    f->nbuckets =
        given ? (uint32_t)m->nbuckets
              : (uint32_t)(sizeof(default_buckets) / sizeof(default_buckets[0]));
    memcpy(f->buckets, from, f->nbuckets * sizeof(double));
}

static void tell(ptl_task *t, enum frame_metric_kind kind, const ptl_metric *m,
                 double value, va_list values)
{
    struct frame_metric f = {.job = t->job,
                             .kind = kind,
                             .name = str_of(m->name),
                             .help = str_of(m->help),
                             .value = value};
    struct wr labels;
    wr_init(&labels, LABELS_BYTES);
    if (!put_labels(&labels, m->labels ? m->labels : "", values)) {
        ptl_log(t, PTL_WARNING, "metric %s is not counted: its labels are '%s'",
                m->name, m->labels ? m->labels : "");
    } else if (t->sink->metric) {
        f.labels = wr_str(&labels);
        if (kind == FRAME_METRIC_OBSERVE)
            put_buckets(&f, m);
        t->sink->metric(t, &f);
    }
    wr_finish(&labels);
}

void ptl_count(ptl_task *t, const ptl_metric *m, double n, ...)
{
    va_list ap;
    va_start(ap, n);
    tell(t, FRAME_METRIC_COUNT, m, n, ap);
    va_end(ap);
}

void ptl_gauge(ptl_task *t, const ptl_metric *m, double value, ...)
{
    va_list ap;
    va_start(ap, value);
    tell(t, FRAME_METRIC_SET, m, value, ap);
    va_end(ap);
}

void ptl_gauge_add(ptl_task *t, const ptl_metric *m, double delta, ...)
{
    va_list ap;
    va_start(ap, delta);
    tell(t, FRAME_METRIC_ADD, m, delta, ap);
    va_end(ap);
}

void ptl_observe(ptl_task *t, const ptl_metric *m, double value, ...)
{
    va_list ap;
    va_start(ap, value);
    tell(t, FRAME_METRIC_OBSERVE, m, value, ap);
    va_end(ap);
}
