/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include "../../protocol/json.h"
#include "../../protocol/result.h"
#include "../child/document.h"
#include "command.h"
#include "foreground.h"
#include "progress.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_MS 50 /* between two looks: it grows */
#define LAST_MS 500
#define SCRATCH_BYTES ((size_t)1 << 30)
#define COLUMNS 80
#define LINE_BYTES 65536

struct part { /* one task of what is waited for */
    struct str id;
    const ptl_value *document; /* once it is final */
};

struct wait {
    struct caller *caller;
    struct results *results;
    const struct wait_options *options;
    const ptl_value *tuple;
    struct part *parts;
    size_t nparts, ndone;
    const struct part *failed; /* the first that was found to be */
    struct str *ids,
        *documents;       /* of those not done: what was asked, and the answers */
    struct arena scratch; /* of one look */
    struct str state;     /* of the task, if there is one only */
    const ptl_value *meta;
    bool shows;
    uv_loop_t *loop;
    uint64_t begun_ms;
    uv_timer_t timer;
    bool rested, closed;
};

/* ---- Parts -------------------------------------------------------------------- */

/* Groups hold groups as deep as signatures do, which canvas.h bounds. */
static size_t count(const ptl_value *tuple)
{
    const ptl_value *members = value_at(tuple, 1);
    size_t n = 0;
    if (value_kind(members) != PTL_LIST)
        return 1;
    for (size_t i = 0; i < value_len(members); i++)
        n += count(value_at(members, i));
    return n;
}

static void add_parts(struct wait *w, const ptl_value *tuple)
{
    const ptl_value *members = value_at(tuple, 1);
    if (value_kind(members) != PTL_LIST)
        w->parts[w->nparts++].id = value_as_str(value_at(value_at(tuple, 0), 0));
    for (size_t i = 0; value_kind(members) == PTL_LIST && i < value_len(members); i++)
        add_parts(w, value_at(members, i));
}

/* The values in the shape of the tuple; *next is the part that comes. */
static const ptl_value *values_of(struct wait *w, const ptl_value *tuple,
                                  const struct part **next)
{
    struct arena *a = &w->caller->arena;
    const ptl_value *members = value_at(tuple, 1);
    if (value_kind(members) != PTL_LIST)
        return value_get((*next)++->document, "result");
    ptl_value *values = value_list(a, value_len(members));
    for (size_t i = 0; values && i < value_len(members); i++) {
        const ptl_value *v = values_of(w, value_at(members, i), next);
        if (!value_list_add(a, values, v ? v : value_null(a)))
            return NULL;
    }
    return values;
}

/* ---- Looking ------------------------------------------------------------------ */

static void take(struct wait *w, struct part *p, struct str bytes)
{
    const struct node *node = &w->caller->node;
    const ptl_value *document =
        bytes.p ? document_read(&w->scratch, node, bytes) : NULL;
    struct str status = value_as_str(value_get(document, "status"));
    w->state = status.n ? status : STR("PENDING");
    w->meta = value_get(document, "result");
    if (!result_status_final(status) ||
        !(p->document = document_read(&w->caller->arena, node, bytes)))
        return;
    w->ndone++;
    if (!w->failed && !str_is(status, "SUCCESS"))
        w->failed = p;
}

static bool look(struct wait *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nparts; i++)
        if (!w->parts[i].document)
            w->ids[n++] = w->parts[i].id;
    arena_reset(&w->scratch);
    if (n && !results_read(w->results, w->ids, n, &w->scratch, w->documents))
        return false;
    n = 0;
    for (size_t i = 0; i < w->nparts; i++)
        if (!w->parts[i].document)
            take(w, &w->parts[i], w->documents[n++]);
    return true;
}

/* ---- Showing ------------------------------------------------------------------ */

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col
                                                                       : COLUMNS;
}

static void show(const struct wait *w)
{
    const struct progress p = {
        .state = w->state,
        .meta = w->meta,
        .ndone = w->ndone,
        .nparts = w->nparts,
        .waited_s = (double)(uv_now(w->loop) - w->begun_ms) / 1000,
    };
    struct wr line;
    if (!w->shows)
        return;
    wr_init(&line, LINE_BYTES);
    progress_write(&line, &p, columns() - 1); /* the last one would begin a line */
    fprintf(stderr, "\r" STR_FMT "\033[K", STR_ARG(wr_str(&line)));
    fflush(stderr);
    wr_finish(&line);
}

static void clear(const struct wait *w)
{
    if (w->shows)
        fputs("\r\033[K", stderr);
}

/* ---- The end ------------------------------------------------------------------ */

static void print_json(struct wait *w, struct str status, const ptl_value *result,
                       const ptl_value *traceback)
{
    struct arena *a = &w->caller->arena;
    ptl_value *line = value_map(a, 4);
    const ptl_value *null = value_null(a);
    if (value_map_set(a, line, STR("id"), value_at(value_at(w->tuple, 0), 0)) &&
        value_map_set(a, line, STR("status"), value_str(a, status)) &&
        value_map_set(a, line, STR("result"), result ? result : null) &&
        value_map_set(a, line, STR("traceback"), traceback ? traceback : null))
        foreground_print(stdout, line);
}

static void print_failure(const ptl_value *document)
{
    const ptl_value *result = value_get(document, "result");
    struct str traceback = value_as_str(value_get(document, "traceback"));
    const struct result_error e = {
        .type = value_as_str(value_get(result, "exc_type")),
        .args = value_get(result, "exc_message"),
    };
    struct wr w;
    if (traceback.n) {
        bool ended = traceback.p[traceback.n - 1] == '\n';
        fprintf(stderr, STR_FMT "%s", STR_ARG(traceback), ended ? "" : "\n");
        return;
    }
    wr_init(&w, SCRATCH_BYTES);
    result_exception_repr(&w, &e);
    fprintf(stderr, STR_FMT "\n", STR_ARG(wr_str(&w)));
    wr_finish(&w);
}

static int tell_failure(struct wait *w)
{
    const ptl_value *document = w->failed->document;
    if (w->options->json)
        print_json(w, value_as_str(value_get(document, "status")),
                   value_get(document, "result"), value_get(document, "traceback"));
    else
        print_failure(document);
    return EXIT_FAILED;
}

static int tell_values(struct wait *w)
{
    const struct part *next = w->parts;
    const ptl_value *values = values_of(w, w->tuple, &next);
    if (w->options->json)
        print_json(w, STR("SUCCESS"), values, NULL);
    else
        (w->options->print ? w->options->print : foreground_print)(stdout, values);
    return EXIT_STOPPED;
}

static int tell_silence(struct wait *w)
{
    struct str state = w->nparts == 1 ? w->state : STR("PENDING");
    const char *command = w->results->client->command;
    if (w->options->json)
        print_json(w, state, NULL, NULL);
    else if (w->nparts == 1)
        command_complain(EXIT_NO_REPLY, command, "no result after %g s: it is " STR_FMT,
                         w->options->seconds, STR_ARG(state));
    else
        command_complain(EXIT_NO_REPLY, command,
                         "after %g s there are %zu of %zu results", w->options->seconds,
                         w->ndone, w->nparts);
    return EXIT_NO_REPLY;
}

/* ---- Waiting ------------------------------------------------------------------ */

static void on_time(uv_timer_t *timer)
{
    ((struct wait *)timer->data)->rested = true;
}

static void on_closed(uv_handle_t *handle)
{
    ((struct wait *)handle->data)->closed = true;
}

/* The loop goes on meanwhile: a lost connection comes back. */
static void rest(struct wait *w, uint64_t ms)
{
    w->rested = false;
    uv_timer_start(&w->timer, on_time, ms, 0);
    while (!w->rested)
        uv_run(w->loop, UV_RUN_ONCE);
}

static bool is_late(const struct wait *w)
{
    double waited_ms = (double)(uv_now(w->loop) - w->begun_ms);
    return w->options->seconds > 0 && waited_ms >= w->options->seconds * 1000;
}

static int run(struct wait *w)
{
    uint64_t ms = FIRST_MS;
    while (look(w)) {
        if (w->failed || w->ndone == w->nparts || is_late(w)) {
            clear(w);
            return w->failed               ? tell_failure(w)
                   : w->ndone == w->nparts ? tell_values(w)
                                           : tell_silence(w);
        }
        show(w);
        rest(w, ms);
        ms = ms * 5 / 4 < LAST_MS ? ms * 5 / 4 : LAST_MS;
    }
    return EXIT_FAILED;
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int wait_for(struct caller *c, struct results *r, const ptl_value *tuple,
             const struct wait_options *options)
{
    size_t n = count(tuple);
    struct wait w = {
        .caller = c,
        .results = r,
        .options = options,
        .tuple = tuple,
        .parts = arena_zalloc(&c->arena, (n + 1) * sizeof(*w.parts)),
        .ids = arena_alloc(&c->arena, (n + 1) * sizeof(*w.ids)),
        .documents = arena_alloc(&c->arena, (n + 1) * sizeof(*w.documents)),
        .loop = &r->client->loop,
        .begun_ms = uv_now(&r->client->loop),
        .timer = {.data = &w},
        .shows = is_terminal() && !options->json,
    };
    if (c->arena.failed)
        return command_complain(EXIT_FAILED, r->client->command, "out of memory");
    if (w.shows)
        setlocale(LC_CTYPE, ""); /* how wide characters are */
    add_parts(&w, tuple);
    arena_init(&w.scratch, SCRATCH_BYTES);
    uv_timer_init(w.loop, &w.timer);
    int code = run(&w);
    uv_close((uv_handle_t *)&w.timer, on_closed);
    while (!w.closed)
        uv_run(w.loop, UV_RUN_ONCE);
    arena_finish(&w.scratch);
    return code;
}
