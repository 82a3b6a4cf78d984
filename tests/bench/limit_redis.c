/* SPDX-License-Identifier: Apache-2.0 */
/* limit_redis - how fast tasks could pass through Redis if they cost nothing else.
 *
 *     limit_redis SOCKET QUEUE [BATCH]
 *
 * A blocking loop with the cheapest commands that lose nothing: one script books up to
 * BATCH messages as kombu does and removes them from the queue, then each result is
 * stored and published, and one ZREM and one HDEL acknowledge the batch. All of it is
 * one write and one read per batch. No message is decoded and no task runs. What is
 * left is Redis' own time, which no worker that keeps these promises can undercut. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Books first and removes last: Lua does not roll back. KEYS: queue, unacked,
 * unacked_index. ARGV: n, the tags' prefix, the batch's number. */
static const char fetch_script[] =
    "local n = tonumber(ARGV[1])\n"
    "local items = redis.call('LRANGE', KEYS[1], -n, -1)\n"
    "if #items == 0 then return 0 end\n"
    "local now = redis.call('TIME')[1]\n"
    "local held, scores = {}, {}\n"
    "for i = 1, #items do\n"
    "  local tag = ARGV[2] .. i\n"
    "  held[2 * i - 1], held[2 * i] = tag, '[' .. items[i] .. ', \"\", \"celery\"]'\n"
    "  scores[2 * i - 1], scores[2 * i] = now, tag\n"
    "end\n"
    "redis.call('HSET', KEYS[2], unpack(held))\n"
    "redis.call('ZADD', KEYS[3], unpack(scores))\n"
    "redis.call('LTRIM', KEYS[1], 0, -#items - 1)\n"
    "return items\n";

static const char meta_form[] =
    "{\"status\": \"SUCCESS\", \"result\": null, \"traceback\": null, \"children\": "
    "[], "
    "\"date_done\": \"2026-11-22T14:24:43.115586+00:00\", \"task_id\": \"%s\"}";

enum { MAX_BATCH = 1000, TAG_BYTES = 48, ID_BYTES = 48 };

struct loop {
    redisContext *redis;
    const char *queue;
    int batch;
    long turn;
    char sha[41];
    char tags[MAX_BATCH][TAG_BYTES];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "limit_redis: cannot %s: %s\n", what, why);
    exit(1);
}

static redisReply *reply_of(struct loop *l)
{
    void *reply = NULL;

    if (redisGetReply(l->redis, &reply) != REDIS_OK)
        die("talk to Redis", l->redis->errstr);
    if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        die("run a command", ((redisReply *)reply)->str);
    return reply;
}

static void load_script(struct loop *l)
{
    redisReply *reply;

    redisAppendCommand(l->redis, "SCRIPT LOAD %s", fetch_script);
    reply = reply_of(l);
    snprintf(l->sha, sizeof(l->sha), "%s", reply->str);
    freeReplyObject(reply);
}

/* The queue is asked for the next batch behind the settlement of this one. */
static void append_fetch(struct loop *l)
{
    char prefix[TAG_BYTES - 12];

    snprintf(prefix, sizeof(prefix), "limit-0123456789abcdef-%08ld-", l->turn++);
    for (int i = 0; i < l->batch; i++)
        snprintf(l->tags[i], TAG_BYTES, "%s%d", prefix, i + 1);
    redisAppendCommand(l->redis, "EVALSHA %s 3 %s unacked unacked_index %d %s", l->sha,
                       l->queue, l->batch, prefix);
}

static int append_results(struct loop *l, long first, int n)
{
    for (int i = 0; i < n; i++) {
        char id[ID_BYTES], key[80], meta[320];

        snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012ld", first + i);
        snprintf(key, sizeof(key), "celery-task-meta-%s", id);
        snprintf(meta, sizeof(meta), meta_form, id);
        redisAppendCommand(l->redis, "SETEX %s 86400 %s", key, meta);
        redisAppendCommand(l->redis, "PUBLISH %s %s", key, meta);
    }
    return 2 * n;
}

static int append_acknowledgement(struct loop *l, int n)
{
    const char *argv[MAX_BATCH + 2];

    for (int i = 0; i < n; i++)
        argv[i + 2] = l->tags[i];
    argv[0] = "ZREM", argv[1] = "unacked_index";
    redisAppendCommandArgv(l->redis, n + 2, argv, NULL);
    argv[0] = "HDEL", argv[1] = "unacked";
    redisAppendCommandArgv(l->redis, n + 2, argv, NULL);
    return 2;
}

static int fetched(struct loop *l)
{
    redisReply *reply = reply_of(l);
    int n = reply->type == REDIS_REPLY_ARRAY ? (int)reply->elements : 0;

    freeReplyObject(reply);
    return n;
}

static long drain(struct loop *l)
{
    long done = 0;

    append_fetch(l);
    for (int n; (n = fetched(l)) > 0;) {
        int expected = append_results(l, done, n) + append_acknowledgement(l, n);

        append_fetch(l); /* tags were copied into the output buffer already */
        while (expected-- > 0)
            freeReplyObject(reply_of(l));
        done += n;
    }
    return done;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct loop l;
    double begun;
    long done;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: limit_redis SOCKET QUEUE [BATCH]\n");
        return 64;
    }
    l.queue = argv[2];
    l.batch = argc > 3 ? atoi(argv[3]) : 64;
    if (l.batch < 1 || l.batch > MAX_BATCH)
        die("use that batch size", "1 to 1000 messages fit one script call");
    l.redis = redisConnectUnix(argv[1]);
    if (!l.redis || l.redis->err)
        die("connect", l.redis ? l.redis->errstr : strerror(ENOMEM));
    load_script(&l);
    begun = now_s();
    done = drain(&l);
    printf("%ld tasks in %.3f s: %.0f tasks/s\n", done, now_s() - begun,
           (double)done / (now_s() - begun));
    redisFree(l.redis);
    return 0;
}
