/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_redis.h"

#include "../protocol/cmocka_all.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct client {
    struct list link;
    struct fake_redis *server;
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    redisReader *reader;
    unsigned scripts; /* loaded by this client */
    bool blocked;     /* in BLMOVE */
};

#define INFO                                                                           \
    "# Server\r\nredis_version:7.0.15\r\nrun_id:0123456789abcdef0123456789abcdef01234" \
    "567\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n"

/* A healthy, empty server; the first that fits. */
static const struct fake_rule healthy[] = {
    {"CLIENT ID", ":7\r\n", FAKE_GO_ON, 0},
    {"CLIENT UNBLOCK", ":1\r\n", FAKE_GO_ON, 0},
    {"AUTH", "+OK\r\n", FAKE_GO_ON, 0},
    {"SELECT", "+OK\r\n", FAKE_GO_ON, 0},
    {FETCH, "*0\r\n", FAKE_GO_ON, 0},
    {RENEW, "*0\r\n", FAKE_GO_ON, 0},
    {ABSENT, "*0\r\n", FAKE_GO_ON, 0},
    {OVERDUE, "*0\r\n", FAKE_GO_ON, 0},
    {"SET", "+OK\r\n", FAKE_GO_ON, 0},
    {"MULTI", "+OK\r\n", FAKE_GO_ON, 0},
    {"ZREM", "+QUEUED\r\n", FAKE_GO_ON, 0},
    {"HDEL unacked", "+QUEUED\r\n", FAKE_GO_ON, 0},
    {"EXEC", "*2\r\n:1\r\n:1\r\n", FAKE_GO_ON, 0},
    {"ZSCAN", "*2\r\n$1\r\n0\r\n*0\r\n", FAKE_GO_ON, 0},
    {"GET", "$-1\r\n", FAKE_GO_ON, 0},
    {"BLMOVE", NULL, FAKE_GO_ON, 0}, /* blocked */
    {"", ":1\r\n", FAKE_GO_ON, 0},
};

/* ---- saying -------------------------------------------------------------------- */

struct piece {
    uv_write_t req;
    char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    free(req);
}

static void write_piece(struct client *c, const char *bytes, size_t n)
{
    struct piece *p = malloc(sizeof(*p) + n);
    memcpy(p->bytes, bytes, n);
    uv_buf_t buf = uv_buf_init(p->bytes, (unsigned)n);
    if (uv_write(&p->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0)
        free(p); /* it hung up meanwhile */
}

static void say(struct client *c, struct str bytes)
{
    size_t tear = c->server->tear_bytes;
    if (!tear || tear > bytes.n)
        tear = bytes.n;
    for (size_t i = 0; i < bytes.n; i += tear)
        write_piece(c, bytes.p + i, bytes.n - i < tear ? bytes.n - i : tear);
}

static void on_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    list_remove(&c->link);
    redisReaderFree(c->reader);
    free(c);
}

static void hang_up(struct client *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->pipe))
        uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_shut_down(uv_shutdown_t *req, int status)
{
    (void)status;
    hang_up(req->data);
}

/* ---- answering ----------------------------------------------------------------- */

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static const struct fake_rule *find_rule(struct fake_redis *f, const char *line)
{
    const struct fake_rule *r = f->rules;
    for (size_t i = 0; r && r[i].command; i++) {
        bool fits =
            line[0] ? r[i].command[0] && begins(line, r[i].command) : !r[i].command[0];
        if (fits && (r[i].times == 0 || f->used[i] < r[i].times)) {
            f->used[i]++;
            return &r[i];
        }
    }
    for (r = healthy; line[0] && !begins(line, r->command);)
        r++;
    return line[0] ? r : NULL;
}

/* All clients have the same id here, so that one command unblocks them all. */
static void unblock(struct fake_redis *f)
{
    for (struct list *l = f->clients.next; l != &f->clients; l = l->next) {
        struct client *c = list_entry(l, struct client, link);
        if (c->blocked)
            say(c, STR("$-1\r\n"));
        c->blocked = false;
    }
}

static void say_default(struct client *c, const char *line, const struct fake_rule *r)
{
    char text[400];
    c->blocked |= begins(line, "BLMOVE");
    if (begins(line, "CLIENT UNBLOCK"))
        unblock(c->server);
    if (begins(line, "SCRIPT LOAD")) {
        int zeros = c->scripts < 10 ? 38 : 37;
        snprintf(text, sizeof(text), "$40\r\n%ux%0*d\r\n", c->scripts++, zeros, 0);
    } else if (begins(line, "INFO"))
        snprintf(text, sizeof(text), "$%zu\r\n%s\r\n", strlen(INFO), INFO);
    else if (r->reply)
        snprintf(text, sizeof(text), "%s", r->reply);
    else
        return;
    say(c, str_of(text));
}

static void obey(struct client *c, const char *line)
{
    const struct fake_rule *r = find_rule(c->server, line);
    if (!r)
        return;
    if (r >= healthy && r < healthy + sizeof(healthy) / sizeof(healthy[0]))
        say_default(c, line, r);
    else if (r->reply)
        say(c, str_of(r->reply));
    if (r->then == FAKE_HANG_UP) { /* what was said still arrives */
        c->shutdown.data = c;
        if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->pipe, on_shut_down) < 0)
            hang_up(c);
    }
}

static void hear(struct client *c, const redisReply *command)
{
    char line[401];
    size_t n = 0;
    line[0] = '\0';
    for (size_t i = 0; i < command->elements && n < sizeof(line) - 1; i++) {
        int m = snprintf(line + n, sizeof(line) - n, "%s%.300s", i ? " " : "",
                         command->element[i]->str);
        n = n + m < sizeof(line) ? n + m : sizeof(line) - 1;
    }
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    wr_text(&c->server->heard, line);
    wr_text(&c->server->heard, "\n");
    obey(c, line);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[64 << 10];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;
    redisReply *command = NULL;
    if (n < 0) {
        hang_up(c);
        return;
    }
    assert_int_equal(redisReaderFeed(c->reader, buf->base, (size_t)n), REDIS_OK);
    while (!uv_is_closing((uv_handle_t *)stream)) {
        assert_int_equal(redisReaderGetReply(c->reader, (void **)&command), REDIS_OK);
        if (!command)
            return;
        hear(c, command);
        freeReplyObject(command);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_redis *f = listener->data;
    struct client *c = calloc(1, sizeof(*c));
    assert_int_equal(status, 0);
    *c = (struct client){.server = f, .reader = redisReaderCreate()};
    uv_pipe_init(f->loop, &c->pipe, 0);
    c->pipe.data = c;
    list_push(&f->clients, &c->link);
    f->connections++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->pipe), 0);
    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
    obey(c, "");
}

/* ---- life ---------------------------------------------------------------------- */

void fake_redis_start(struct fake_redis *f, uv_loop_t *loop,
                      const struct fake_rule *rules)
{
    struct error e;
    char url[128];
    *f = (struct fake_redis){.loop = loop, .rules = rules};
    list_init(&f->clients);
    wr_init(&f->heard, 64 << 20);
    strcpy(f->folder, "/tmp/fake-redis-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/sock", f->folder);
    snprintf(url, sizeof(url), "redis+socket://%s", f->path);
    assert_int_equal(url_parse(&f->url, url, &e), 0);
    uv_pipe_init(loop, &f->listener, 0);
    f->listener.data = f;
    assert_int_equal(uv_pipe_bind(&f->listener, f->path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->listener, 16, on_connection), 0);
}

void fake_redis_script(struct fake_redis *f, const struct fake_rule *rules)
{
    f->rules = rules;
    memset(f->used, 0, sizeof(f->used));
}

static unsigned find(const struct fake_redis *f, const char *command,
                     struct str *newest)
{
    unsigned n = 0;
    struct rd lines = rd_of(wr_str(&f->heard));
    while (lines.left > 0) {
        const char *end = memchr(lines.p, '\n', lines.left);
        struct str line = rd_bytes(&lines, (size_t)(end - lines.p) + 1);
        if (line.n > strlen(command) && begins(line.p, command)) {
            *newest = line;
            n++;
        }
    }
    return n;
}

unsigned fake_redis_heard(const struct fake_redis *f, const char *command)
{
    struct str newest;
    return find(f, command, &newest);
}

struct str fake_redis_newest(const struct fake_redis *f, const char *command)
{
    struct str newest = {0};
    find(f, command, &newest);
    return newest;
}

void fake_redis_hang_up(struct fake_redis *f)
{
    for (struct list *l = f->clients.next; l != &f->clients; l = l->next)
        hang_up(list_entry(l, struct client, link));
}

void fake_redis_stop(struct fake_redis *f)
{
    uv_close((uv_handle_t *)&f->listener, NULL);
    fake_redis_hang_up(f);
}

void fake_redis_finish(struct fake_redis *f)
{
    wr_finish(&f->heard);
    unlink(f->path);
    rmdir(f->folder);
}
