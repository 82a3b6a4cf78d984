/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "../../../protocol/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define MAX_FRAME ((size_t)64 << 20)

const char *peer_plugin(const char *name)
{
    static char path[4096];
    const char *plugins = getenv("TEST_PLUGINS");

    if (strcmp(name, "demo") == 0)
        return getenv("DEMO_PLUGIN");
    snprintf(path, sizeof(path), "%s/%s.so", plugins, name);
    return path;
}

/* ---- Life --------------------------------------------------------------------- */

static _Noreturn void become_child(int fd, pid_t parent)
{
    char fd_text[16], parent_text[16];

    snprintf(fd_text, sizeof(fd_text), "%d", fd);
    snprintf(parent_text, sizeof(parent_text), "%d", (int)parent);
    execl(getenv("WORKER"), "petiole", "child", fd_text, parent_text, (char *)NULL);
    _exit(99);
}

void peer_start_for(struct peer *p, pid_t parent)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    p->fd = pair[0];
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        become_child(pair[1], parent);
    close(pair[1]);
    frame_reader_init(&p->in, MAX_FRAME);
}

void peer_start(struct peer *p)
{
    peer_start_for(p, getpid());
}

struct frame_hello peer_hello(void)
{
    return (struct frame_hello){
        .hostname = STR("w1@h1"),
        .accept_content = STR("json\0"),
        .message_max_bytes = 1u << 20,
        .index = 1,
        .log_level = 20,
        .attributes = ATTRIBUTES_DEFAULTS,
    };
}

void peer_ready_with(struct peer *p, const char *plugin, struct frame_hello hello)
{
    struct wr w;

    peer_start(p);
    hello.plugins = (struct str){plugin, strlen(plugin) + 1};
    wr_init(&w, MAX_FRAME);
    frame_put_hello(&w, &hello);
    peer_send(p, wr_str(&w));
    wr_finish(&w);
    peer_hear(p, FRAME_READY);
}

void peer_ready(struct peer *p, const char *plugin)
{
    peer_ready_with(p, plugin, peer_hello());
}

void peer_finish(struct peer *p)
{
    close(p->fd);
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    frame_reader_finish(&p->in);
}

/* ---- Speaking ----------------------------------------------------------------- */

void peer_send(struct peer *p, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        assert_true(n > 0);
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
}

void peer_send_frame(struct peer *p, const struct frame_task *f)
{
    struct wr w;

    wr_init(&w, MAX_FRAME);
    frame_put_task_head(&w, f);
    wr_put(&w, f->envelope);
    peer_send(p, wr_str(&w));
    wr_finish(&w);
}

void peer_send_task(struct peer *p, uint64_t job, const char *envelope)
{
    struct frame_task f = {.job = job,
                           .queue = STR("celery"),
                           .envelope = str_of(envelope)};

    peer_send_frame(p, &f);
}

char *peer_envelope(const char *task, const char *args, const char *kwargs,
                    const char *headers)
{
    return peer_envelope_with(
        task, args, kwargs, headers,
        "{\"callbacks\": null, \"errbacks\": null, \"chain\": null, "
        "\"chord\": null}");
}

char *peer_envelope_with(const char *task, const char *args, const char *kwargs,
                         const char *headers, const char *embed)
{
    struct wr body, w;

    wr_init(&body, MAX_FRAME);
    wr_init(&w, MAX_FRAME);
    wr_text(&body, "[");
    wr_text(&body, args);
    wr_text(&body, ", ");
    wr_text(&body, kwargs);
    wr_text(&body, ", ");
    wr_text(&body, embed);
    wr_text(&body, "]");
    wr_text(&w, "{\"body\": \"");
    base64_encode(&w, wr_str(&body));
    wr_text(&w, "\", \"content-encoding\": \"utf-8\", \"content-type\": "
                "\"application/json\", \"headers\": {\"task\": \"");
    wr_text(&w, task);
    wr_text(&w, "\", \"id\": \"an-id\", \"retries\": 0, \"root_id\": \"an-id\"");
    wr_text(&w, headers);
    wr_text(&w, "}, \"properties\": {\"correlation_id\": \"an-id\", \"reply_to\": "
                "\"\", \"delivery_info\": "
                "{\"exchange\": \"\", \"routing_key\": \"celery\"}, \"priority\": 0, "
                "\"body_encoding\": \"base64\", \"delivery_tag\": \"a-tag\"}}");
    wr_u8(&w, 0);
    wr_finish(&body);
    assert_false(w.bad);
    return w.p;
}

void peer_call(struct peer *p, uint64_t job, const char *task, const char *args)
{
    char *envelope = peer_envelope(task, args, "{}", "");

    peer_send_task(p, job, envelope);
    free(envelope);
}

/* ---- Hearing ------------------------------------------------------------------ */

static ssize_t receive(struct peer *p, char *bytes, size_t n)
{
    struct pollfd ready = {.fd = p->fd, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
    return read(p->fd, bytes, n);
}

struct rd peer_hear(struct peer *p, enum frame_type type)
{
    char bytes[4096];
    struct frame f;
    ssize_t n;
    int rc;

    while ((rc = frame_reader_next(&p->in, &f)) == 0) {
        n = receive(p, bytes, sizeof(bytes));
        assert_true(n > 0);
        assert_true(frame_reader_feed(&p->in, (struct str){bytes, (size_t)n}));
    }
    assert_int_equal(rc, 1);
    if (f.type == FRAME_BROKEN && type != FRAME_BROKEN)
        fail_msg("broken: " STR_FMT, (int)f.body.left - 4, f.body.p + 4);
    assert_int_equal(f.type, type);
    return f.body;
}

struct frame_done peer_hear_outcome(struct peer *p)
{
    struct frame_done f;

    peer_hear(p, FRAME_STARTED);
    assert_true(frame_get_done(peer_hear(p, FRAME_DONE), &f));
    return f;
}

struct frame_done peer_run(struct peer *p, const char *task, const char *args)
{
    peer_call(p, 1, task, args);
    return peer_hear_outcome(p);
}

void peer_hear_end(struct peer *p)
{
    char byte;

    assert_int_equal(receive(p, &byte, 1), 0);
}

int peer_wait(struct peer *p)
{
    struct pollfd gone = {.fd = (int)syscall(SYS_pidfd_open, p->pid, 0),
                          .events = POLLIN};
    int status;

    assert_true(gone.fd >= 0);
    assert_int_equal(poll(&gone, 1, DEADLINE_MS), 1);
    close(gone.fd);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    return status;
}
