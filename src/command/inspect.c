/* SPDX-License-Identifier: Apache-2.0 */
/* petiole inspect, petiole control and petiole status - Celery's commands, with its
 * options and its output.
 *
 * Replies are printed as they come. It is over when everybody who heard the request has
 * replied, or after the timeout: see struct bus_request. */
#include "../../protocol/json.h"
#include "command.h"
#include "methods.h"
#include "remote.h"
#include "replies.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS_MAX 4096
#define MEMORY_BYTES ((size_t)256 << 20)
#define REQUEST_BYTES ((size_t)256 << 20)

struct inspect {
    const struct command *command;
    const char *name; /* "petiole inspect": stands before errors */
    bool acts;        /* petiole control: its methods do something */
    bool is_status;
    const char *words[WORDS_MAX];
    size_t nwords;
    const char *timeout, *destination, *pattern, *matcher, *text; /* --arguments */
    bool json, list;
    double timeout_s;
    struct remote remote;
    struct arena arena;
};

/* ---- The command line --------------------------------------------------------- */

static int read_timeout(struct inspect *o)
{
    char *end = NULL;
    o->timeout_s = o->timeout ? strtod(o->timeout, &end) : 1;
    if (!o->timeout ||
        (end != o->timeout && !*end && isfinite(o->timeout_s) && o->timeout_s > 0))
        return 0;
    return command_complain(EXIT_USAGE, o->name, "--timeout needs seconds, not '%.60s'",
                            o->timeout);
}

static int check_matcher(const struct inspect *o)
{
    if (!o->matcher || strcmp(o->matcher, "glob") == 0 ||
        strcmp(o->matcher, "pcre") == 0)
        return 0;
    return command_complain(EXIT_USAGE, o->name,
                            "--matcher is glob or pcre, not '%.60s'", o->matcher);
}

static int read_options(struct inspect *o, int *argc, char **argv)
{
    size_t most = o->is_status ? 0 : WORDS_MAX;
    int code = command_read(o->command, o, argc, argv, o->words, &o->nwords, most);
    if (code || o->list)
        return code;
    if (o->is_status)
        o->words[o->nwords++] = "ping";
    if (!o->nwords)
        return command_refuse_word(o->command, NULL);
    code = read_timeout(o);
    return code ? code : check_matcher(o);
}

/* ---- The request -------------------------------------------------------------- */

static const ptl_value *given_arguments(struct inspect *o, struct error *e)
{
    struct json_error why;
    const ptl_value *v =
        json_read(&o->arena, str_of(o->text), 0, &json_default_limits, &why);
    if (!v)
        error_set(e, EINVAL, "--arguments is no JSON: %s at byte %zu", why.what,
                  why.offset);
    else if (v->kind != PTL_MAP)
        error_set(e, EINVAL, "--arguments must be an object: '{\"n\": 2}'");
    else if (o->nwords > 1)
        error_set(e, EINVAL, "--arguments says it all: leave out '%.60s'", o->words[1]);
    else
        return v;
    return NULL;
}

static const struct command_word *find_method(const struct inspect *o)
{
    const struct command_word *w = o->acts ? control_methods : inspect_methods;
    while (w->name && strcmp(w->name, o->words[0]) != 0)
        w++;
    return w->name ? w : NULL;
}

static int refuse_method(const struct inspect *o)
{
    const struct command *other = o->acts ? &command_inspect : &command_control;
    if (command_knows_word(other, o->words[0]))
        return command_complain(EXIT_USAGE, o->name, "%s is a method of petiole %s",
                                o->words[0], other->name);
    return command_refuse_word(o->command, o->words[0]);
}

/* A method with --arguments may be one of the workers' own. */
static int write_arguments(struct inspect *o, struct wr *w)
{
    struct error e;
    const struct command_word *method = find_method(o);
    if (!o->text && !method)
        return refuse_method(o);
    const ptl_value *v =
        o->text ? given_arguments(o, &e)
                : method_arguments(method, &o->arena, o->words + 1, o->nwords - 1, &e);
    if (!v)
        return command_complain(EXIT_USAGE, o->name, "%s", e.msg);
    json_write(w, v);
    return 0;
}

/* ---- The whole ---------------------------------------------------------------- */

static void begin_replies(struct inspect *o, struct replies *r)
{
    const struct config *config = &o->remote.config;
    *r = (struct replies){
        .command = o->name,
        .json = o->json,
        .by_node = !o->acts,
        .counts = o->is_status || (!o->acts && !config->quiet),
        .style = {.colors = !config->no_color && isatty(STDOUT_FILENO),
                  .quiet = config->quiet,
                  .names_only = o->is_status},
        .arena = &o->arena,
    };
    replies_begin(r);
}

static int ask(struct inspect *o, struct str arguments)
{
    const char *matcher = o->matcher ? o->matcher : "glob";
    const struct bus_request request = {
        .method = str_of(o->words[0]),
        .arguments = arguments,
        .destination = o->remote.nodes,
        .ndestination = o->remote.nnodes,
        .pattern = str_of(o->pattern ? o->pattern : ""),
        .matcher = str_of(o->pattern ? matcher : ""),
        .timeout_s = o->timeout_s,
    };
    struct replies replies;
    begin_replies(o, &replies);
    int code = remote_ask(&o->remote, &request, replies_take, &replies);
    return code ? code : replies_conclude(&replies);
}

static int open_and_ask(struct inspect *o, int argc, char **argv)
{
    struct wr arguments;
    wr_init(&arguments, REQUEST_BYTES);
    int code = write_arguments(o, &arguments);
    if (!code)
        code = remote_open(&o->remote, o->name, argc, argv);
    if (!code) {
        if (o->destination)
            code = remote_destination(&o->remote, o->destination);
        if (!code)
            code = ask(o, wr_str(&arguments));
        remote_close(&o->remote);
    }
    wr_finish(&arguments);
    return code;
}

static void print_methods(const struct inspect *o)
{
    const struct command_word *w = o->acts ? control_methods : inspect_methods;
    printf("%s Commands:\n", o->acts ? "Control" : "Inspect");
    for (; w->name; w++) {
        int n = printf("  %s%s%s", w->name, w->arguments ? " " : "",
                       w->arguments ? w->arguments : "");
        if (n > 26)
            n = printf("\n") - 1;
        printf("%*s%s\n", 28 - n, "", w->help);
    }
}

static int run(struct inspect *o, int argc, char **argv)
{
    int code = read_options(o, &argc, argv);
    if (!code && o->list)
        print_methods(o);
    if (code || o->list)
        return code;
    arena_init(&o->arena, MEMORY_BYTES);
    code = open_and_ask(o, argc, argv);
    arena_finish(&o->arena);
    return code;
}

static int run_inspect(int argc, char **argv)
{
    static struct inspect o = {.command = &command_inspect, .name = "petiole inspect"};
    return run(&o, argc, argv);
}

static int run_control(int argc, char **argv)
{
    static struct inspect o = {.command = &command_control,
                               .name = "petiole control",
                               .acts = true};
    return run(&o, argc, argv);
}

static int run_status(int argc, char **argv)
{
    static struct inspect o = {.command = &command_status,
                               .name = "petiole status",
                               .is_status = true};
    return run(&o, argc, argv);
}

#define AT(field) offsetof(struct inspect, field)
#define OPTIONS                                                                        \
    {"destination", 'd', "NODE,...", "ask these nodes only",                           \
     .offset = AT(destination)},                                                       \
        {"timeout", 't', "SECONDS",                                                    \
         "how long to wait for replies (1); it ends at once when everybody who heard " \
         "the request has replied",                                                    \
         .offset = AT(timeout)},                                                       \
    {                                                                                  \
        "json", 'j', NULL, "print JSON", .offset = AT(json)                            \
    }

static const struct command_option status_options[] = {OPTIONS, {0}};

static const struct command_option method_options[] = {
    OPTIONS,
    {"pattern", 0, "TEXT", "ask nodes whose name matches it", .offset = AT(pattern)},
    {"matcher", 0, "NAME", "what a pattern is: glob (the default) or pcre",
     .offset = AT(matcher), .choices = "glob pcre"},
    {"arguments", 0, "JSON",
     "the request's arguments as an object: for what words cannot say, and for "
     "methods of your own",
     .offset = AT(text)},
    {"list", 0, NULL, "list the methods", .offset = AT(list)},
    {0},
};

const struct command command_inspect = {
    .name = "inspect",
    .run = run_inspect,
    .summary = "ask workers about themselves",
    .usage = "METHOD [ARGUMENT...] [-d NODE,...] [-b URL] [OPTIONS]",
    .about = "Asks workers about themselves, and prints their replies as they come.",
    .words = inspect_methods,
    .options = method_options,
    .settings = "broker quiet no-color",
    .exits = "0 somebody replied; 64 the command line is wrong; 69 nobody replied",
};

const struct command command_control = {
    .name = "control",
    .run = run_control,
    .summary = "tell workers what to do",
    .usage = "METHOD [ARGUMENT...] [-d NODE,...] [-b URL] [OPTIONS]",
    .about = "Tells workers what to do, and prints their replies as they come.",
    .words = control_methods,
    .options = method_options,
    .settings = "broker quiet no-color",
    .exits = "0 somebody replied; 64 the command line is wrong; 69 nobody replied",
};

const struct command command_status = {
    .name = "status",
    .run = run_status,
    .summary = "which workers are online",
    .usage = "[-d NODE,...] [-b URL] [OPTIONS]",
    .about = "Lists the workers that are online. Asks each of them: it is as good as a "
             "probe of all.",
    .options = status_options,
    .settings = "broker config quiet no-color",
    .exits = "0 somebody replied; 64 the command line is wrong; 69 nobody replied",
};
