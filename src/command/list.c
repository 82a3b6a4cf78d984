/* SPDX-License-Identifier: Apache-2.0 */
/* petiole list bindings - which queue gets what an exchange is sent; Celery's command,
 * with its table. Unlike Celery's it declares nothing: bindings of the settings that
 * nobody has made yet are shown beside those the broker knows. */
#include "../../protocol/arena.h"
#include "client.h"
#include "command.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define BINDINGS_MAX ((size_t)1 << 20)
#define MEMORY_BYTES ((size_t)1 << 30)
#define COLUMN 28

struct binding {
    struct str queue, exchange, routing_key;
};

struct bindings {
    struct client client;
    struct arena arena;
    struct binding *all;
    size_t n, room;
    bool json;
};

/* ---- What there is ------------------------------------------------------------ */

static bool add(struct bindings *b, struct str queue, struct str exchange,
                struct str routing_key)
{
    if (b->n == b->room) {
        size_t room = b->room ? 2 * b->room : 64;
        struct binding *more =
            room <= BINDINGS_MAX ? realloc(b->all, room * sizeof(*more)) : NULL;
        if (!more)
            return false;
        b->all = more;
        b->room = room;
    }
    b->all[b->n++] =
        (struct binding){arena_copy(&b->arena, queue), arena_copy(&b->arena, exchange),
                         arena_copy(&b->arena, routing_key)};
    return !b->arena.failed;
}

/* <routing key><sep><pattern><sep><queue>, as kombu writes it. What is no such text is
 * passed over. */
static bool add_member(struct bindings *b, struct str exchange, struct str member)
{
    const char *sep = b->client.keys.sep;
    size_t n = strlen(sep);
    const char *end = member.p + member.n, *first = memmem(member.p, member.n, sep, n);
    const char *second =
        first ? memmem(first + n, (size_t)(end - first) - n, sep, n) : NULL;
    if (!second)
        return true;
    return add(b, (struct str){second + n, (size_t)(end - second) - n}, exchange,
               (struct str){member.p, (size_t)(first - member.p)});
}

static bool read_exchange(struct bindings *b, const char *exchange)
{
    struct client *c = &b->client;
    char key[REDIS_KEY_BYTES];
    redis_keys_join(key, c->keys.binding, str_of(exchange));
    client_begin(c, 2);
    redis_arg_text(&c->redis, "SMEMBERS");
    redis_arg_text(&c->redis, key);
    const redisReply *reply = client_answer(c);
    for (size_t i = 0; reply && i < reply->elements; i++) {
        const redisReply *member = reply->element[i];
        if (member && member->str &&
            !add_member(b, str_of(exchange), (struct str){member->str, member->len}))
            return false;
    }
    return reply != NULL;
}

static bool is_read(const struct queue_table *t, size_t upto)
{
    for (size_t i = 0; i < upto; i++)
        if (strcmp(t->all[i].exchange, t->all[upto].exchange) == 0)
            return true;
    return false;
}

static bool read_all(struct bindings *b)
{
    const struct queue_table *t = &b->client.config.queues;
    for (size_t i = 0; i < t->taken; i++) {
        const struct queue *q = &t->all[i];
        if (!is_read(t, i) && !read_exchange(b, q->exchange))
            return false;
        if (!add(b, str_of(q->name), str_of(q->exchange), str_of(q->routing_key)))
            return false;
    }
    return true;
}

/* ---- What is shown ------------------------------------------------------------ */

static int compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_exchange(const void *a, const void *b)
{
    const struct binding *x = a, *y = b;
    int c = compare(x->exchange, y->exchange);
    if (!c)
        c = compare(x->queue, y->queue);
    return c ? c : compare(x->routing_key, y->routing_key);
}

static void print_column(struct str s)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    printf(STR_FMT "%*s ", STR_ARG(s), n < COLUMN ? COLUMN - n : 0, "");
}

static void print_row(const struct binding *row)
{
    print_column(row->queue);
    print_column(row->exchange);
    printf(STR_FMT "\n", STR_ARG(row->routing_key));
}

static json_object *json_text(struct str s)
{
    return json_object_new_string_len(s.p, (int)s.n);
}

static void add_json(json_object *list, const struct binding *row)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "destination", json_text(row->queue));
    json_object_object_add(o, "source", json_text(row->exchange));
    json_object_object_add(o, "routing_key", json_text(row->routing_key));
    json_object_array_add(list, o);
}

static void print_all(struct bindings *b)
{
    const struct str dashes = STR("----------------");
    json_object *list = json_object_new_array();
    if (b->n)
        qsort(b->all, b->n, sizeof(*b->all), by_exchange);
    if (!b->json) {
        print_row(&(struct binding){STR("Queue"), STR("Exchange"), STR("Routing Key")});
        print_row(&(struct binding){dashes, dashes, dashes});
    }
    for (size_t i = 0; i < b->n; i++) {
        if (i > 0 && by_exchange(&b->all[i - 1], &b->all[i]) == 0)
            continue; /* of the settings, and the broker knows it */
        if (b->json)
            add_json(list, &b->all[i]);
        else
            print_row(&b->all[i]);
    }
    if (b->json)
        puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(list);
}

static int list(struct bindings *b, int argc, char **argv)
{
    int code = client_open(&b->client, "petiole list", argc, argv);
    if (code)
        return code;
    arena_init(&b->arena, MEMORY_BYTES);
    if (read_all(b))
        print_all(b);
    else if (b->client.lost || redis_is_error(b->client.reply))
        code = EXIT_FAILED;
    else
        code = command_complain(EXIT_FAILED, "petiole list", "too many bindings");
    arena_finish(&b->arena);
    free(b->all);
    client_close(&b->client);
    return code;
}

static int run(int argc, char **argv)
{
    struct bindings b = {.n = 0};
    const char *words[1];
    size_t nwords = 0;
    int code = command_read(&command_list, &b, &argc, argv, words, &nwords, 1);
    if (code)
        return code;
    if (!nwords || !command_knows_word(&command_list, words[0]))
        return command_refuse_word(&command_list, nwords ? words[0] : NULL);
    return list(&b, argc, argv);
}

static const struct command_word words[] = {
    {"bindings", NULL, "which queue gets what an exchange is sent"},
    {0},
};

static const struct command_option options[] = {
    {"json", 'j', NULL, "an array of objects: destination, source, routing_key",
     .offset = offsetof(struct bindings, json)},
    {0},
};

const struct command command_list = {
    .name = "list",
    .run = run,
    .summary = "the bindings of queues",
    .usage = "bindings [-b URL] [-Q NAME,...] [OPTIONS]",
    .about =
        "The bindings of the exchanges that a worker's queues belong to: those the "
        "broker knows, and those of the settings.",
    .words = words,
    .options = options,
    .settings = "queues broker config",
    .exits = "0 done; 1 the broker cannot be reached; 64 the command line is wrong",
};
