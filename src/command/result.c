/* SPDX-License-Identifier: Apache-2.0 */
/* petiole result - the value of a task, once it is there; Celery's command, with its
 * output: Python's str() of the value. */
#include "../child/document.h"
#include "command.h"
#include "foreground.h"
#include "reply.h"
#include "wait.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_BYTES ((size_t)2 << 30)

struct asked {
    const char *words[1];
    size_t nwords;
    const char *task, *timeout;
    bool traceback;
    struct wait_options waiting;
    struct caller caller;
    struct results results;
};

#define usage(...) command_complain(EXIT_USAGE, "petiole result", __VA_ARGS__)

static int read_options(struct asked *o, int *argc, char **argv)
{
    char *end = NULL;
    int code = command_read(&command_result, o, argc, argv, o->words, &o->nwords, 1);
    if (code)
        return code;
    if (!o->nwords)
        return usage("of which task? give its id: see petiole result --help");
    if (!o->timeout)
        return 0;
    o->waiting.seconds = strtod(o->timeout, &end);
    if (end != o->timeout && !*end && isfinite(o->waiting.seconds) &&
        o->waiting.seconds > 0)
        return 0;
    return usage("--timeout needs seconds, not '%.60s'", o->timeout);
}

/* print(value), but of None nothing: click's echo. */
static void print_python(FILE *to, const ptl_value *v)
{
    struct wr w;
    wr_init(&w, OUTPUT_BYTES);
    if (!value_is_null(v))
        reply_write_str(&w, v);
    fwrite(w.p, 1, w.len, to);
    fputc('\n', to);
    wr_finish(&w);
}

static const ptl_value *task_tuple(struct arena *a, struct str id)
{
    ptl_value *tuple = value_list(a, 2), *head = value_list(a, 2);
    bool ok = tuple && head && value_list_add(a, head, value_str(a, id)) &&
              value_list_add(a, head, value_null(a)) &&
              value_list_add(a, tuple, head) && value_list_add(a, tuple, value_null(a));
    return ok ? tuple : NULL;
}

static int print_traceback(struct asked *o, struct str id)
{
    struct arena *a = &o->caller.arena;
    struct str bytes;
    if (!results_read(&o->results, &id, 1, a, &bytes))
        return EXIT_FAILED;
    const ptl_value *document =
        bytes.p ? document_read(a, &o->caller.node, bytes) : NULL;
    const ptl_value *traceback = value_get(document, "traceback");
    if (o->waiting.json)
        foreground_print(stdout, traceback);
    else
        print_python(stdout, traceback);
    return EXIT_STOPPED;
}

static int tell(struct asked *o)
{
    struct str id = str_of(o->words[0]);
    const ptl_value *tuple = task_tuple(&o->caller.arena, id);
    if (!tuple)
        return command_complain(EXIT_FAILED, "petiole result", "out of memory");
    o->waiting.print = print_python;
    return o->traceback ? print_traceback(o, id)
                        : wait_for(&o->caller, &o->results, tuple, &o->waiting);
}

static int result(struct asked *o, struct client *client)
{
    const char *why = caller_init(&o->caller, &client->config);
    int code = why ? usage("%s", why) : results_open(&o->results, client);
    if (!code)
        code = tell(o);
    results_close(&o->results);
    caller_finish(&o->caller);
    return code;
}

static int run(int argc, char **argv)
{
    struct asked o = {.nwords = 0};
    struct client client;
    int code = read_options(&o, &argc, argv);
    if (code || (code = client_prepare(&client, "petiole result", argc, argv)))
        return code;
    code = result(&o, &client);
    client_close(&client);
    return code;
}

#define AT(field) offsetof(struct asked, field)

static const struct command_option options[] = {
    {"traceback", 0, NULL, "print the traceback that is stored, and do not wait",
     .offset = AT(traceback)},
    {"timeout", 0, "SECONDS", "how long to wait; without it, until it is there",
     .offset = AT(timeout)},
    {"json", 'j', NULL, "print an object: id, status, result and traceback",
     .offset = AT(waiting.json)},
    {"task", 't', "NAME", "for Celery's sake: no name is needed", .offset = AT(task)},
    {0},
};

const struct command command_result = {
    .name = "result",
    .run = run,
    .summary = "the value of a task, once it is there",
    .usage = "ID [--result-backend URL] [OPTIONS]",
    .about =
        "Waits for a task's result, and prints it as Python's print does. Of a task "
        "that failed, the traceback goes to standard error.",
    .options = options,
    .settings = "result-backend config",
    .exits = "0 it succeeded; 1 it failed, or the backend cannot be reached; 64 the "
             "command line is wrong; 69 no result in time",
};
