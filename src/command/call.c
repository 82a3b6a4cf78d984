/* SPDX-License-Identifier: Apache-2.0 */
/* petiole call - send a task, or a workflow, from the command line; Celery's command,
 * with its options. */
#include "../../protocol/json.h"
#include "../../protocol/timestamp.h"
#include "command.h"
#include "foreground.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct call {
    const char *words[1]; /* the task's name */
    size_t nwords;
    const char *args, *kwargs, *signature, *wait;
    const char *eta, *countdown, *expires, *serializer;
    const char *queue, *exchange, *routing_key;
    bool waits;
    struct wait_options waiting;
    struct caller caller;
    struct results results;
};

/* ---- The command line --------------------------------------------------------- */

#define usage(...) command_complain(EXIT_USAGE, "petiole call", __VA_ARGS__)

static int read_wait(struct call *o)
{
    char *end = NULL;
    if (!o->wait)
        return 0;
    o->waiting.seconds = strtod(o->wait, &end);
    if (end != o->wait && !*end && o->waiting.seconds > 0)
        return 0;
    return usage("--wait needs seconds, not '%.60s'", o->wait);
}

static int read_options(struct call *o, int *argc, char **argv)
{
    int code = command_read(&command_call, o, argc, argv, o->words, &o->nwords, 1);
    if (code)
        return code;
    if (o->nwords == 0 && !o->signature)
        return usage("which task? see petiole call --help");
    if (o->signature && (o->nwords || o->kwargs))
        return usage("a signature has a name and keyword arguments of its own: leave "
                     "out %s",
                     o->nwords ? o->words[0] : "--kwargs");
    return read_wait(o);
}

/* ---- Values of options -------------------------------------------------------- */

static int read_json(struct call *o, const char *name, struct str text,
                     const ptl_value **v)
{
    struct json_error e;
    *v = json_read(&o->caller.arena, text, JSON_COPY_STRINGS, &json_default_limits, &e);
    return *v ? 0 : usage("%s is no JSON: %s at byte %zu", name, e.what, e.offset);
}

/* Nothing is read if it was not given. */
static int read_of_kind(struct call *o, const char *name, const char *text,
                        ptl_kind kind, const ptl_value **v)
{
    int code = text ? read_json(o, name, str_of(text), v) : 0;
    if (code || !text || value_kind(*v) == kind)
        return code;
    return usage("%s must be %s, not '%.60s'", name,
                 kind == PTL_LIST ? "an array: '[2, 3]'" : "an object: '{\"x\": 2}'",
                 text);
}

/* What canvas_apply makes of it is told by that. */
static int read_signature(struct call *o, const ptl_value **sig)
{
    const char *path = strcmp(o->signature, "-") == 0 ? "/dev/stdin"
                       : o->signature[0] == '@'       ? o->signature + 1
                                                      : NULL;
    struct wr w;
    if (!path)
        return read_json(o, "--signature", str_of(o->signature), sig);
    wr_init(&w, o->caller.node.message_max_bytes);
    int code =
        foreground_read_file(&w, path)
            ? read_json(o, "--signature", wr_str(&w), sig)
            : usage("cannot read the signature in %s: %s", path, strerror(errno));
    wr_finish(&w);
    return code;
}

static const ptl_value *read_number(struct call *o, const char *text)
{
    struct json_error e;
    const ptl_value *v =
        json_read(&o->caller.arena, str_of(text), 0, &json_default_limits, &e);
    return value_kind(v) == PTL_INT || value_kind(v) == PTL_FLOAT ? v : NULL;
}

static bool set(struct call *o, ptl_value *options, const char *name,
                const ptl_value *v)
{
    return value_map_set(&o->caller.arena, options, str_of(name), v);
}

static bool set_text(struct call *o, ptl_value *options, const char *name,
                     const char *text)
{
    return !text || set(o, options, name, value_text(&o->caller.arena, text));
}

static int set_times(struct call *o, ptl_value *options)
{
    const ptl_value *expires = o->expires ? read_number(o, o->expires) : NULL,
                    *countdown = o->countdown ? read_number(o, o->countdown) : NULL;
    int64_t us;
    if (o->eta && !timestamp_parse(str_of(o->eta), &us))
        return usage("--eta needs a time as 2030-01-02T03:04:05+00:00, not '%.60s'",
                     o->eta);
    if (o->countdown && !countdown)
        return usage("--countdown needs seconds, not '%.60s'", o->countdown);
    if (o->expires && !expires && !timestamp_parse(str_of(o->expires), &us))
        return usage("--expires needs a time as 2030-01-02T03:04:05+00:00, or "
                     "seconds, not '%.60s'",
                     o->expires);
    if (countdown)
        set(o, options, "countdown", countdown);
    if (expires)
        set(o, options, "expires", expires);
    else
        set_text(o, options, "expires", o->expires);
    set_text(o, options, "eta", o->eta);
    return 0;
}

/* ---- The call ----------------------------------------------------------------- */

static ptl_value *task_signature(struct call *o, const ptl_value *kwargs)
{
    struct arena *a = &o->caller.arena;
    ptl_value *sig = value_map(a, 4);
    bool ok = sig && set_text(o, sig, "task", o->words[0]) &&
              set(o, sig, "args", value_list(a, 0)) &&
              set(o, sig, "kwargs", kwargs ? kwargs : value_map(a, 0)) &&
              set(o, sig, "options", value_map(a, 0));
    return ok ? sig : NULL;
}

/* Reads all that was given, and applies it: nothing is sent yet. */
static int apply(struct call *o, const ptl_value **tuple)
{
    const ptl_value *args = NULL, *kwargs = NULL, *sig = NULL;
    ptl_value *options = value_map(&o->caller.arena, 8);
    int code = read_of_kind(o, "--args", o->args, PTL_LIST, &args);
    if (!code)
        code = read_of_kind(o, "--kwargs", o->kwargs, PTL_MAP, &kwargs);
    if (!code)
        code = set_times(o, options);
    if (!code && o->signature)
        code = read_signature(o, &sig);
    if (code)
        return code;
    set_text(o, options, "serializer", o->serializer);
    set_text(o, options, "queue", o->queue);
    set_text(o, options, "exchange", o->exchange);
    set_text(o, options, "routing_key", o->routing_key);
    *tuple =
        caller_apply(&o->caller, sig ? sig : task_signature(o, kwargs), args, options);
    if (*tuple)
        return 0;
    return usage("cannot send %.60s: %s", sig ? "the signature" : o->words[0],
                 caller_failure(&o->caller));
}

static void print_id(const struct call *o, const ptl_value *tuple)
{
    struct str id = value_as_str(value_at(value_at(tuple, 0), 0));
    if (o->waits && !o->waiting.json)
        fprintf(stderr, STR_FMT "\n", STR_ARG(id));
    else if (!o->waits)
        printf(o->waiting.json ? "{\"id\": \"" STR_FMT "\"}\n" : STR_FMT "\n",
               STR_ARG(id));
}

static int publish(struct call *o, struct client *broker, const ptl_value *tuple)
{
    int code = client_connect(broker);
    if (!code && (o->waits || caller_needs_results(&o->caller)))
        code = results_open(&o->results, broker);
    if (code)
        return code;
    if (!caller_publish(&o->caller, broker, &o->results))
        return EXIT_FAILED;
    print_id(o, tuple);
    return o->waits ? wait_for(&o->caller, &o->results, tuple, &o->waiting)
                    : EXIT_STOPPED;
}

static int call(struct call *o, struct client *broker)
{
    const ptl_value *tuple = NULL;
    const char *why = caller_init(&o->caller, &broker->config);
    int code = why ? usage("%s", why) : apply(o, &tuple);
    if (!code)
        code = publish(o, broker, tuple);
    results_close(&o->results);
    caller_finish(&o->caller);
    return code;
}

static int run(int argc, char **argv)
{
    struct call o = {.nwords = 0};
    struct client broker;
    int code = read_options(&o, &argc, argv);
    if (code || (code = client_prepare(&broker, "petiole call", argc, argv)))
        return code;
    code = call(&o, &broker);
    client_close(&broker);
    return code;
}

#define AT(field) .offset = offsetof(struct call, field)

static const struct command_option options[] = {
    {"args", 'a', "JSON", "positional arguments: an array", AT(args)},
    {"kwargs", 'k', "JSON", "keyword arguments: an object", AT(kwargs)},
    {"signature", 0, "JSON",
     "any signature of Celery's canvas, a chain, a group, a chord: as JSON, in @FILE, "
     "or - on standard input",
     AT(signature)},
    {"eta", 0, "TIME", "when to run it: ISO 8601, UTC if it has no offset", AT(eta)},
    {"countdown", 0, "SECONDS", "the same, from now on", AT(countdown)},
    {"expires", 0, "TIME", "when it is too late: ISO 8601, or seconds from now on",
     AT(expires)},
    {"serializer", 0, "NAME", "json, msgpack, yaml, auth; without it task_serializer",
     AT(serializer), .choices = "json msgpack yaml auth"},
    {"queue", 0, "NAME", "where to; without it as task_routes says", AT(queue)},
    {"exchange", 0, "NAME", "with --routing-key: instead of a queue", AT(exchange)},
    {"routing-key", 0, "KEY", "see --exchange", AT(routing_key)},
    {"wait", 0, "[SECONDS]", "wait for the result, and print it as JSON", AT(wait),
     .given = offsetof(struct call, waits)},
    {"json", 0, NULL, "print an object: the id, and what came of it", AT(waiting.json)},
    {0},
};

const struct command command_call = {
    .name = "call",
    .run = run,
    .summary = "send a task",
    .usage = "NAME [-a ARGS] [-k KWARGS] [-b URL] [OPTIONS]\n"
             "--signature JSON|@FILE|- [-a ARGS] [-b URL] [OPTIONS]",
    .about = "Sends a task, or a workflow, and prints the id of its result.",
    .options = options,
    .settings = "broker result-backend config",
    .exits = "0 sent, or succeeded; 1 neither; 64 the command line is wrong; 69 no "
             "result in time",
    .examples = "petiole call demo.add -a '[2, 3]' --wait 10",
};
