/* SPDX-License-Identifier: Apache-2.0 */
/* petiole purge - erase all messages of the queues a worker would take from; Celery's
 * command, with its words. What workers hold already is not touched. */
#include "client.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

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

struct options {
    bool force;
};

static int run(int argc, char **argv)
{
    struct client c;
    struct options o = {0};
    const char *words[1];
    size_t nwords;
    int code = command_read(&command_purge, &o, &argc, argv, words, &nwords, 0);
    if (code || (code = client_open(&c, "petiole purge", argc, argv)))
        return code;
    code = o.force || is_confirmed(&c) ? purge(&c) : EXIT_FAILED;
    client_close(&c);
    return code;
}

static const struct command_option options[] = {
    {"force", 'f', NULL, "do not ask", .offset = offsetof(struct options, force)},
    {0},
};

const struct command command_purge = {
    .name = "purge",
    .run = run,
    .summary = "erase all messages of the queues",
    .usage = "[-f] [-Q NAME,...] [-X NAME,...] [-b URL] [OPTIONS]",
    .about =
        "Erases all messages from the queues that a worker would take from. There is "
        "no undo. What workers hold already stays with them.",
    .options = options,
    .settings = "queues exclude-queues broker config",
    .exits = "0 done; 1 not done; 64 the command line is wrong",
};
