/* SPDX-License-Identifier: Apache-2.0 */
#include "methods.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
const struct command_word inspect_methods[] = {
    {"active", NULL, "tasks that are running"},
    {"active_queues", NULL, "queues that workers take from"},
    {"clock", NULL, "the logical clock"},
    {"conf", "[DEFAULTS]", "settings; with \"true\", the defaults too"},
    {"memdump", "[N]", "the samples that memsample took"},
    {"memsample", NULL, "the resident memory, and note it"},
    {"objgraph", "[TYPE [N [DEPTH]]]", "a graph of objects (Python only)"},
    {"ping", NULL, "who is there?"},
    {"query_task", "ID...", "what is known of these tasks"},
    {"registered", "[ATTRIBUTE...]", "names of tasks, and these attributes"},
    {"report", NULL, "versions and settings, for bug reports"},
    {"reserved", NULL, "tasks that wait for a free child"},
    {"revoked", NULL, "ids of revoked tasks"},
    {"scheduled", NULL, "tasks that wait for their time"},
    {"stats", NULL, "counts, the pool, the broker, resources"},
    {0},
};

const struct command_word control_methods[] = {
    {"add_consumer", "QUEUE [EXCHANGE [TYPE [KEY]]]", "take from this queue, too"},
    {"autoscale", "[MAX [MIN]]", "limits of the pool's size"},
    {"cancel_consumer", "QUEUE", "take from this queue no longer"},
    {"disable_events", NULL, "send no more task events"},
    {"election", NULL, "hold an election: see --arguments"},
    {"enable_events", NULL, "send task events"},
    {"heartbeat", NULL, "send a heartbeat event now"},
    {"pool_grow", "[N]", "more children"},
    {"pool_restart", NULL, "replace all children"},
    {"pool_shrink", "[N]", "fewer children"},
    {"rate_limit", "TASK RATE", "10/s, 10/m or 10/h; 0: no limit"},
    {"revoke", "ID...", "these tasks are not to be run"},
    {"revoke_by_stamped_headers", "KEY=VALUE...", "nor those with these stamps"},
    {"shutdown", NULL, "warm shutdown; nobody replies"},
    {"terminate", "SIGNAL ID...", "revoke; signal who runs them"},
    {"time_limit", "TASK SOFT [HARD]", "seconds for tasks of this name"},
    {0},
};
/* clang-format on */

/* ---- What they take ----------------------------------------------------------- */

#define NAMED_MAX 4

struct taking {
    const char *method;
    /* Each its name, behind a letter for its type: s text, i integer, f seconds, b true
     * or false. */
    const char *named[NAMED_MAX];
    const char *rest; /* the list of the words behind them; NULL: there are none */
    size_t least;     /* how many words there must be */
};

static const struct taking takings[] = {
    {"add_consumer",
     {"squeue", "sexchange", "sexchange_type", "srouting_key"},
     NULL,
     1},
    {"autoscale", {"imax", "imin"}, NULL, 0},
    {"cancel_consumer", {"squeue"}, NULL, 1},
    {"conf", {"bwith_defaults"}, NULL, 0},
    {"memdump", {"isamples"}, NULL, 0},
    {"objgraph", {"stype", "inum", "imax_depth"}, NULL, 0},
    {"pool_grow", {"in"}, NULL, 0},
    {"pool_shrink", {"in"}, NULL, 0},
    {"query_task", {NULL}, "ids", 1},
    {"rate_limit", {"stask_name", "srate_limit"}, NULL, 2},
    {"registered", {NULL}, "taskinfoitems", 0},
    {"revoke", {NULL}, "task_id", 1},
    {"revoke_by_stamped_headers", {NULL}, "headers", 1},
    {"terminate", {"ssignal"}, "task_id", 2},
    {"time_limit", {"stask_name", "fsoft", "fhard"}, NULL, 2},
};

static const struct taking *taking_of(const char *method)
{
    static const struct taking nothing = {.least = 0};
    for (size_t i = 0; i < sizeof(takings) / sizeof(takings[0]); i++)
        if (strcmp(takings[i].method, method) == 0)
            return &takings[i];
    return &nothing;
}

/* ---- Words -------------------------------------------------------------------- */

static const ptl_value *read_int(struct arena *a, const char *word)
{
    char *end;
    errno = 0;
    long long n = strtoll(word, &end, 10);
    return end != word && !*end && !errno ? value_int(a, n) : NULL;
}

static const ptl_value *read_seconds(struct arena *a, const char *word)
{
    char *end;
    double seconds = strtod(word, &end);
    bool ok = end != word && !*end && isfinite(seconds);
    return ok ? value_float(a, seconds) : NULL;
}

/* The words of celery's strtobool. */
static const ptl_value *read_bool(struct arena *a, const char *word)
{
    static const char *const names[] = {"false", "no",  "0", "off",
                                        "true",  "yes", "1", "on"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(word, names[i]) == 0)
            return value_bool(a, i >= 4);
    return NULL;
}

static const ptl_value *read_word(struct arena *a, char type, const char *word)
{
    switch (type) {
    case 'i':
        return read_int(a, word);
    case 'f':
        return read_seconds(a, word);
    case 'b':
        return read_bool(a, word);
    default:
        return value_str(a, str_of(word));
    }
}

static bool add_named(struct arena *a, ptl_value *map, const char *named,
                      const char *word, struct error *e)
{
    const char *needs = *named == 'i'   ? "an integer"
                        : *named == 'f' ? "seconds"
                                        : "true or false";
    const ptl_value *v = read_word(a, *named, word);
    if (!v)
        error_set(e, EINVAL, "%s needs %s, not '%.60s'", named + 1, needs, word);
    return v && value_map_set(a, map, str_of(named + 1), v);
}

static bool add_rest(struct arena *a, ptl_value *map, const char *name,
                     const char *const *words, size_t nwords)
{
    ptl_value *list = value_list(a, nwords);
    for (size_t i = 0; i < nwords; i++)
        if (!list || !value_list_add(a, list, value_str(a, str_of(words[i]))))
            return false;
    return list && value_map_set(a, map, str_of(name), list);
}

const ptl_value *method_arguments(const struct command_word *method, struct arena *a,
                                  const char *const *words, size_t nwords,
                                  struct error *e)
{
    const struct taking *t = taking_of(method->name);
    ptl_value *map = value_map(a, NAMED_MAX + 1);
    size_t n = 0;
    while (n < NAMED_MAX && t->named[n])
        n++;
    if (nwords < t->least || (nwords > n && !t->rest)) {
        error_set(e, EINVAL, "%s takes %s", method->name,
                  method->arguments ? method->arguments : "no arguments");
        return NULL;
    }
    error_set(e, ENOMEM, "out of memory");
    for (size_t i = 0; map && i < n && i < nwords; i++)
        if (!add_named(a, map, t->named[i], words[i], e))
            return NULL;
    bool ok =
        map && (!t->rest || add_rest(a, map, t->rest, words + (n < nwords ? n : nwords),
                                     n < nwords ? nwords - n : 0));
    return ok ? map : NULL;
}
