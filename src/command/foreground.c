/* SPDX-License-Identifier: Apache-2.0 */
#include "foreground.h"

#include "../../protocol/json.h"
#include "../../protocol/uuid.h"
#include "../child/cancel.h"
#include "../child/text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TASK_MEMORY_BYTES ((size_t)1 << 30)
#define WORDS_MEMORY_BYTES ((size_t)4 << 20)
#define SETTINGS_MAX_BYTES ((size_t)16 << 20)

/* ---- What the task says meanwhile ---------------------------------------------- */

void foreground_print(FILE *to, const ptl_value *v)
{
    struct wr w;

    wr_init(&w, TASK_MEMORY_BYTES);
    json_write(&w, v);
    fwrite(w.p, 1, w.len, to);
    fputc('\n', to);
    wr_finish(&w);
}

static void print_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    (void)t;
    fprintf(stderr, "%s ", state);
    foreground_print(stderr, meta);
}

static void print_log(struct ptl_task *t, ptl_level level, struct str text)
{
    const char *name = level >= PTL_ERROR     ? "ERROR"
                       : level >= PTL_WARNING ? "WARNING"
                       : level >= PTL_INFO    ? "INFO"
                                              : "DEBUG";

    fprintf(stderr, "%s %s: " STR_FMT "\n", name, t->row->def.name, STR_ARG(text));
}

static void print_event(struct ptl_task *t, const struct frame_event *e)
{
    (void)t;
    fprintf(stderr, "EVENT " STR_FMT " {" STR_FMT "}\n", STR_ARG(e->type),
            STR_ARG(e->fields));
}

static void print_metric(struct ptl_task *t, const struct frame_metric *m)
{
    static const char *const names[] = {[FRAME_METRIC_COUNT] = "COUNT",
                                        [FRAME_METRIC_SET] = "GAUGE",
                                        [FRAME_METRIC_ADD] = "GAUGE ADD",
                                        [FRAME_METRIC_OBSERVE] = "OBSERVE"};

    (void)t;
    fprintf(stderr, "%s " STR_FMT "{" STR_FMT "} %.15g\n", names[m->kind],
            STR_ARG(m->name), STR_ARG(m->labels), m->value);
}

/* As a person would read it; the message itself is base64. */
static void print_effect(struct ptl_task *t, const struct frame_effect *e,
                         const struct message_send *m)
{
    static const char *const names[] = {
        [EFFECT_STORE] = "STORE",           [EFFECT_CHORD_SIZE] = "CHORD SIZE",
        [EFFECT_CHORD_GROW] = "CHORD GROW", [EFFECT_GROUP] = "GROUP",
        [EFFECT_CHORD_PART] = "CHORD PART", [EFFECT_CHORD_END] = "CHORD END",
        [EFFECT_REVOKE] = "REVOKE",
    };

    (void)t;
    if (!m)
        fprintf(stderr, "%s " STR_FMT STR_FMT "\n", names[e->kind], STR_ARG(e->group),
                STR_ARG(e->id));
    else
        fprintf(stderr,
                "SEND " STR_FMT "[" STR_FMT "] to %s" STR_FMT ": " STR_FMT " " STR_FMT
                "\n",
                STR_ARG(m->task), STR_ARG(m->id),
                m->exchange.n > 0 ? "an exchange, with " : "", STR_ARG(m->routing_key),
                STR_ARG(m->argsrepr), STR_ARG(m->kwargsrepr));
}

/* Without a backend there are no documents. */
static void read_nothing(struct ptl_task *t, enum frame_read_what what, struct str ids,
                         void (*each)(void *ctx, struct str document), void *ctx)
{
    (void)t, (void)what, (void)ids, (void)each, (void)ctx;
}

/* ---- Arguments ---------------------------------------------------------------- */

static const ptl_value *read_argument(struct arena *a, const char *text)
{
    struct json_error e;
    const ptl_value *v =
        json_read(a, str_of(text), JSON_KOMBU_TYPES | JSON_COPY_STRINGS,
                  &json_default_limits, &e);

    return v || !text_is_valid(str_of(text)) ? v : value_text(a, text);
}

/* The length of NAME in NAME=VALUE if the task has such a parameter, else 0. */
static size_t keyword_bytes(const struct params *p, const char *argument)
{
    const char *sign = strchr(argument, '=');
    size_t n = sign ? (size_t)(sign - argument) : 0;

    return n > 0 && params_find(p, (struct str){argument, n}) >= 0 ? n : 0;
}

bool foreground_read_arguments(struct foreground *f, const struct module_row *row,
                               const char *const *argv)
{
    struct arena *a = &f->arena;
    ptl_value *args = value_list(a, 0), *kwargs = value_map(a, 0);

    for (; *argv; argv++) {
        size_t n = keyword_bytes(&row->params, *argv);
        const ptl_value *v = read_argument(a, *argv + (n > 0 ? n + 1 : 0));

        if (!v || (n > 0 ? !value_map_set(a, kwargs, (struct str){*argv, n}, v)
                         : !value_list_add(a, args, v)))
            return false;
    }
    f->task.body = (struct message_body){.args = args, .kwargs = kwargs};
    return !a->failed;
}

/* ---- Preparing ---------------------------------------------------------------- */

static const char *random_id(void)
{
    static char id[UUID_TEXT];
    uint8_t random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    uuid_format(id, random);
    return id;
}

static const char *local_hostname(void)
{
    static char name[HOST_NAME_MAX + 8] = "run@";

    gethostname(name + 4, sizeof(name) - 5);
    return name;
}

void foreground_init(struct foreground *f, const char *id)
{
    static const struct task_sink terminal = {print_state,  print_log,    print_event,
                                              print_metric, print_effect, read_nothing,
                                              NULL};

    *f = (struct foreground){.node = {.pid = (uint32_t)getpid()}};
    f->node.hostname = f->node.origin = local_hostname();
    f->node.reply_to = "";
    serializers_init(&f->serializers);
    f->node.serializers = &f->serializers;
    f->node.message_max_bytes = TASK_MEMORY_BYTES;
    arena_init(&f->arena, TASK_MEMORY_BYTES);
    arena_init(&f->words, WORDS_MEMORY_BYTES);
    verdict_init(&f->verdict);
    f->task.arena = &f->arena;
    f->task.reserve = &f->words;
    f->task.node = &f->node;
    f->task.sink = &terminal;
    f->task.table = &f->table;
    wr_init(&f->task.children, TASK_MEMORY_BYTES);
    routes_init(&f->node.routes, &f->arena, STR("{}"));
    f->task.message.id = str_of(id ? id : random_id());
    f->task.message.root_id = f->task.message.id;
}

void foreground_finish(struct foreground *f)
{
    module_finish_all(&f->table);
    node_finish(&f->node);
    verdict_finish(&f->verdict);
    wr_finish(&f->task.children);
    arena_finish(&f->arena);
    arena_finish(&f->words);
}

/* ---- Settings ----------------------------------------------------------------- */

bool foreground_read_file(struct wr *w, const char *path)
{
    FILE *file = fopen(path, "re");
    char bytes[4096];
    size_t n;

    if (!file)
        return false;
    while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
        wr_put(w, (struct str){bytes, n});
    n = (size_t)ferror(file);
    if (w->bad)
        errno = EFBIG;
    fclose(file);
    return n == 0 && !w->bad;
}

/* The file's "plugins" object, written again for the one reader of settings. */
static const char *read_settings(struct foreground *f, struct str text)
{
    struct json_error e;
    const ptl_value *root = json_read(&f->arena, text, 0, &json_default_limits, &e);
    const ptl_value *plugins = value_get(root, "plugins");
    const char *why;
    struct wr w;

    if (!root || !plugins)
        return root ? "it has no \"plugins\" object" : e.what;
    wr_init(&w, SETTINGS_MAX_BYTES);
    json_write(&w, plugins);
    why = settings_init(&f->node.settings, wr_str(&w));
    wr_finish(&w);
    return why;
}

const char *foreground_load_settings(struct foreground *f, const char *path)
{
    const char *why;
    struct wr w;

    wr_init(&w, SETTINGS_MAX_BYTES);
    why =
        foreground_read_file(&w, path) ? read_settings(f, wr_str(&w)) : strerror(errno);
    wr_finish(&w);
    return why;
}

/* ---- Running ------------------------------------------------------------------ */

/* The same signal as a worker sends, so that the handler notices no difference. */
static void arm_soft_limit(double seconds)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec when = {.it_value.tv_sec = (time_t)seconds};
    timer_t timer;

    cancel_install();
    if (seconds <= 0)
        return;
    when.it_value.tv_nsec = (long)((seconds - (double)when.it_value.tv_sec) * 1e9);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
}

bool foreground_run(struct foreground *f, const struct module_row *row,
                    double soft_limit_s)
{
    f->task.message.task = row->name;
    if (!task_begin(&f->task, row))
        return false;
    arm_soft_limit(soft_limit_s);
    task_run(&f->task);
    verdict_read(&f->verdict, &f->task);
    return true;
}
