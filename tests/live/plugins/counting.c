/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that count: what a service for memories wants to know of itself, and what no
 * worker should put up with. */
#include <petiole/task.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double seconds_buckets[] = {.1, .5, 1, 2, 5, 10, 30, 60};
static const ptl_metric processed =
    PTL_METRIC(.name = "memoria_memories_processed_total",
               .help = "Memories by their outcome.", .labels = "user_id status");
static const ptl_metric seconds =
    PTL_METRIC(.name = "memoria_memory_processing_seconds",
               .help = "How long a memory took.", .labels = "user_id task_type",
               .buckets = seconds_buckets, .nbuckets = 8);
static const ptl_metric active =
    PTL_METRIC(.name = "memoria_active_memory_tasks", .help = "Memories being made.",
               .labels = "user_id");
static const ptl_metric queue = PTL_METRIC(.name = "memoria_backlog");

static ptl_value *process(ptl_task *t)
{
    const char *user = ptl_arg_str(t, "user");
    double took = ptl_arg_float(t, "took");
    if (ptl_failed(t))
        return NULL;
    ptl_gauge_add(t, &active, 1, user, NULL);
    ptl_observe(t, &seconds, took, user, "create", NULL);
    ptl_count(t, &processed, 1, user, "success", NULL);
    ptl_gauge_add(t, &active, -1, user, NULL);
    ptl_gauge(t, &queue, 3.5, NULL);
    return NULL;
}

/* Its child dies in the middle. */
static ptl_value *crash(ptl_task *t)
{
    ptl_gauge_add(t, &active, 1, "crash", NULL);
    kill(getpid(), SIGKILL);
    return NULL;
}

/* A label value for each of many, in several families and kinds. */
static ptl_value *flood(ptl_task *t)
{
    int64_t n = ptl_arg_int(t, "n");
    static const ptl_metric counter =
        PTL_METRIC(.name = "flood_total", .labels = "who");
    static const ptl_metric histogram =
        PTL_METRIC(.name = "flood_seconds", .labels = "who");
    for (int64_t i = 0; i < n; i++) {
        char who[64];
        snprintf(who, sizeof(who), "user \"%lld\"\n\\", (long long)i);
        ptl_count(t, &counter, 1, who, NULL);
        ptl_observe(t, &histogram, (double)i, who, NULL);
    }
    return NULL;
}

/* None of these is a metric. */
static ptl_value *nonsense(ptl_task *t)
{
    static const ptl_metric stolen = PTL_METRIC(.name = "petiole_ready");
    static const ptl_metric spaced = PTL_METRIC(.name = "two words");
    static const ptl_metric labels = PTL_METRIC(.name = "bad_total", .labels = "le");
    static const ptl_metric other_kind = PTL_METRIC(.name = "memoria_backlog");
    static const double falling[] = {2, 1};
    static const ptl_metric buckets =
        PTL_METRIC(.name = "bad_seconds", .buckets = falling, .nbuckets = 2);
    ptl_count(t, &stolen, 1, NULL);
    ptl_count(t, &spaced, 1, NULL);
    ptl_count(t, &labels, 1, "1", NULL);
    ptl_gauge(t, &other_kind, 1, NULL);
    ptl_observe(t, &other_kind, 1, NULL);
    ptl_observe(t, &buckets, 1, NULL);
    ptl_count(t, &processed, -1, "u", "less", NULL);
    ptl_count(t, &processed, 1, "one label is missing", NULL);
    return NULL;
}

/* Once the file is gone, tells n events of a kilobyte; then works on for so many
 * seconds. */
static ptl_value *tell(ptl_task *t)
{
    const char *type = ptl_arg_str(t, "type"), *file = ptl_arg_str(t, "file");
    int64_t n = ptl_arg_int(t, "n");
    unsigned works_s = (unsigned)ptl_arg_int(t, "seconds");
    char text[1000] = "";
    memset(text, '.', sizeof(text) - 1);
    ptl_value *long_text = ptl_new_str(t, text);
    while (!ptl_failed(t) && access(file, F_OK) == 0)
        usleep(10000);
    for (int64_t i = 0; i < n && !ptl_failed(t); i++)
        ptl_send_event(t, type,
                       ptl_new_map(t, "i", ptl_new_int(t, i), "text", long_text, NULL));
    if (!ptl_failed(t))
        sleep(works_s);
    return NULL;
}

static const ptl_def tasks[] = {
    {.name = "counting.process", .params = "user took", .run = process},
    {.name = "counting.crash", .run = crash},
    {.name = "counting.flood", .params = "n", .run = flood},
    {.name = "counting.nonsense", .run = nonsense},
    {.name = "counting.tell", .params = "type n seconds file", .run = tell},
};

/* While the file is there, no child comes up. */
static int open_module(void **state)
{
    const char *file = getenv("COUNTING_HANGS_WHILE");
    *state = NULL;
    while (file && access(file, F_OK) == 0)
        usleep(10000);
    return 0;
}

PTL_MODULE("counting", tasks, open_module);
