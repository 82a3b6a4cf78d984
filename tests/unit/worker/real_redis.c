/* SPDX-License-Identifier: Apache-2.0 */
#include "real_redis.h"

#include "../protocol/cmocka_all.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_server(struct real_redis *s)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("/dev/null", "w", stdout))
        _exit(127);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->socket,
           "--dir", s->folder, "--save", "", "--appendonly", "no", NULL);
    _exit(127);
}

/* Tries to connect until it answers, for at most 10 s; false if it has exited. */
static bool await_server(struct real_redis *s)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        s->client = redisConnectUnix(s->socket);
        if (s->client && !s->client->err)
            return true;
        redisFree(s->client);
        s->client = NULL;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid)
            return false;
        poll(NULL, 0, 10);
    }
    return false;
}

bool real_redis_start(struct real_redis *s)
{
    char url[128];
    struct error e;
    *s = (struct real_redis){0};
    strcpy(s->folder, "/tmp/real-redis-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->socket, sizeof(s->socket), "%s/sock", s->folder);
    snprintf(url, sizeof(url), "redis+socket://%s", s->socket);
    assert_int_equal(url_parse(&s->url, url, &e), 0);
    s->pid = fork();
    if (s->pid == 0)
        run_server(s);
    return await_server(s);
}

void real_redis_stop(struct real_redis *s)
{
    int status;
    redisFree(s->client);
    kill(s->pid, SIGCONT);
    kill(s->pid, SIGKILL);
    waitpid(s->pid, &status, 0);
    unlink(s->socket);
    rmdir(s->folder);
}

static const redisReply *ask(struct real_redis *s, const char *format, va_list ap)
{
    static redisReply *last;
    if (last)
        freeReplyObject(last);
    last = redisvCommand(s->client, format, ap);
    if (!last || last->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, last ? last->str : s->client->errstr);
    return last;
}

const redisReply *real_redis_ask(struct real_redis *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const redisReply *reply = ask(s, format, ap);
    va_end(ap);
    return reply;
}

long long real_redis_int(struct real_redis *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const redisReply *reply = ask(s, format, ap);
    va_end(ap);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    return reply->integer;
}

const char *real_redis_text(struct real_redis *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const redisReply *reply = ask(s, format, ap);
    va_end(ap);
    return reply->str ? reply->str : "";
}

const char *real_redis_list(struct real_redis *s, const char *key)
{
    static char text[8192];
    const redisReply *reply = real_redis_ask(s, "LRANGE %s 0 -1", key);
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < reply->elements && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
                              reply->element[i]->str);
    return text;
}
