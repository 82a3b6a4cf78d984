/* SPDX-License-Identifier: Apache-2.0 */
/* petiole purge - erase all messages of the queues a worker would take from; Celery's
 * command, with its words. What workers hold already is not touched. */
#include "client.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: petiole purge [-f] [-Q NAME,...] [-X NAME,...] [-b URL] [OPTIONS]\n\n"
    "Erases all messages from all known task queues. There is no undo.\n\n"
    "  -f, --force            do not ask\n"
    "  -Q, --queues NAME,...  these queues only\n"
    "  -X, --exclude-queues NAME,...  all but these\n\n"
    "Other options are a worker's: petiole worker --help lists them.\n";

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct queue *)a)->name, ((const struct queue *)b)->name);
}

static bool is_confirmed(const struct client *c)
{
    const struct queue_table *t = &c->config.queues;
    char answer[16] = "";
    qsort(t->all, t->taken, sizeof(*t->all), by_name);
    printf("WARNING:This will remove all tasks from queue%s: ",
           t->taken == 1 ? "" : "s");
    for (size_t i = 0; i < t->taken; i++)
        printf("%s%s", i ? ", " : "", t->all[i].name);
    printf(".\n         There is no undo for this operation!\n\n"
           "(to skip this prompt use the -f option)\n"
           "Are you sure you want to delete all tasks? [y/N]: ");
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    fprintf(stderr, "Aborted!\n");
    return false;
}

/* LLEN and DEL of every list in one step. A key that is no list counts nothing. */
static const char lua[] = "local n = 0\n"
                          "for _, key in ipairs(KEYS) do\n"
                          "  local len = redis.pcall('LLEN', key)\n"
                          "  if type(len) == 'number' then\n"
                          "    n = n + len\n"
                          "    redis.call('DEL', key)\n"
                          "  end\n"
                          "end\n"
                          "return n\n";

static long long purge_queue(struct client *c, const struct queue *q)
{
    char list[REDIS_KEY_BYTES];
    client_begin_script(c, lua, (unsigned)c->keys.nsteps, (unsigned)c->keys.nsteps);
    for (size_t i = 0; i < c->keys.nsteps; i++) {
        redis_keys_list(&c->keys, str_of(q->name), c->keys.steps[i], list);
        redis_arg_text(&c->redis, list);
    }
    const redisReply *reply = client_answer(c);
    return reply ? reply->integer : -1;
}

static int purge(struct client *c)
{
    const struct queue_table *t = &c->config.queues;
    const char *queues = t->taken == 1 ? "queue" : "queues";
    long long total = 0;
    for (size_t i = 0; i < t->taken; i++) {
        long long n = purge_queue(c, &t->all[i]);
        if (n < 0)
            return EXIT_FAILED;
        total += n;
    }
    if (total)
        printf("Purged %lld message%s from %zu known task %s.\n", total,
               total == 1 ? "" : "s", t->taken, queues);
    else
        printf("No messages purged from %zu %s.\n", t->taken, queues);
    return EXIT_STOPPED;
}

int command_purge(int argc, char **argv)
{
    struct client c;
    bool force = false, wants_help = false;
    const char *words[1];
    size_t nwords = 0;
    const struct client_option own[] = {
        {"force", 'f', NULL, &force},
        {"help", 'h', NULL, &wants_help},
    };
    int code = client_options("petiole purge", &argc, argv, own, 2, words, &nwords, 0);
    if (code)
        return code;
    if (wants_help) {
        fputs(help, stdout);
        return EXIT_STOPPED;
    }
    if ((code = client_open(&c, "petiole purge", argc, argv)))
        return code;
    code = force || is_confirmed(&c) ? purge(&c) : EXIT_FAILED;
    client_close(&c);
    return code;
}
