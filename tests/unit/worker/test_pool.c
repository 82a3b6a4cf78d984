/* SPDX-License-Identifier: Apache-2.0 */
/* The pool against children that die, hang and lie at each stage. A child is this very
 * program, as a worker's is: it follows the script named in its environment. */
#include "fake_redis.h"
#include "loop.h"

#include <petiole/task.h>

#include "../../../protocol/message.h"
#include "../../../src/worker.h"
#include "../protocol/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET 3

/* ---- children ------------------------------------------------------------------ */

static void send_all(const struct wr *w)
{
    for (size_t n = 0; n < w->len;) {
        ssize_t m = write(SOCKET, w->p + n, w->len - n);
        if (m <= 0)
            _exit(9);
        n += (size_t)m;
    }
}

static void say_ready(void)
{
    const struct frame_row row = {.name = STR("t"),
                                  .params = STR(""),
                                  .flags = PTL_ACKS_LATE};
    struct wr w;
    wr_init(&w, 4096);
    size_t begun = frame_begin_ready(&w, (uint32_t)getpid(), 1);
    frame_put_row(&w, &row);
    frame_end(&w, begun);
    send_all(&w);
    wr_finish(&w);
}

static void say_started(uint64_t job)
{
    const struct frame_started f = {.job = job};
    struct wr w;
    wr_init(&w, 4096);
    frame_put_started(&w, &f);
    send_all(&w);
    wr_finish(&w);
}

static void say_done(uint64_t job)
{
    const struct frame_done f = {.job = job, .outcome = OUTCOME_SUCCESS};
    struct wr w;
    wr_init(&w, 4096);
    frame_put_done(&w, &f);
    send_all(&w);
    wr_finish(&w);
}

static void say_refused(uint64_t job)
{
    const struct frame_refused f = {job, REFUSED_UNKNOWN, STR("no")};
    struct wr w;
    wr_init(&w, 4096);
    frame_put_refused(&w, &f);
    send_all(&w);
    wr_finish(&w);
}

static struct frame_reader in;

/* The next frame; exits as a child does when it is told to stop or is left alone. */
static struct frame hear(void)
{
    static char bytes[64 << 10];
    struct frame f;
    while (frame_reader_next(&in, &f) == 0) {
        ssize_t n = read(SOCKET, bytes, sizeof(bytes));
        if (n <= 0)
            _exit(0);
        frame_reader_feed(&in, (struct str){bytes, (size_t)n});
    }
    if (f.type == FRAME_STOP)
        _exit(0);
    return f;
}

static uint64_t hear_task(void)
{
    struct frame_task task;
    struct frame f = hear();
    if (!frame_get_task(f.body, &task))
        _exit(8);
    return task.job;
}

static void serve(void)
{
    for (;;) {
        uint64_t job = hear_task();
        say_started(job);
        say_done(job);
    }
}

static void exit_when_given(void)
{
    hear_task();
    _exit(7);
}

static void abort_when_running(void)
{
    say_started(hear_task());
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void hang(void)
{
    say_started(hear_task());
    for (;;)
        pause();
}

static void send_garbage(void)
{
    hear_task();
    ssize_t n = write(SOCKET, "\xff\xff\xff\x7f garbage", 12);
    for (;;)
        pause();
    (void)n;
}

static void finish_what_was_not_given(void)
{
    say_done(hear_task() + 1);
    for (;;)
        pause();
}

/* Its handler's own child, in a session of its own, holds the socket and speaks on. */
static void leave_a_speaking_daemon(void)
{
    uint64_t job = hear_task();
    say_started(job);
    pid_t me = getpid(), daemon = fork();
    if (daemon == 0) {
        setsid();
        alarm(12);               /* longer than the test waits */
        while (kill(me, 0) == 0) /* until its parent has noticed */
            usleep(1000);
        say_done(job);
        for (;;)
            pause();
    }
    while (getsid(daemon) != daemon) /* or it would be killed with this group */
        usleep(1000);
    _exit(0);
}

/* Answers as soon as it has seen which job it is, and reads no further. */
static void answer_unread(void)
{
    char head[13];
    uint64_t job;
    if (read(SOCKET, head, sizeof(head)) != sizeof(head))
        _exit(6);
    memcpy(&job, head + 5, sizeof(job));
    say_refused(job);
    for (;;)
        pause();
}

static const struct {
    const char *name;
    void (*run)(void);
} scripts[] = {
    {"serve", serve},
    {"exit when given", exit_when_given},
    {"abort when running", abort_when_running},
    {"hang", hang},
    {"garbage", send_garbage},
    {"done with another", finish_what_was_not_given},
    {"daemon", leave_a_speaking_daemon},
    {"answer unread", answer_unread},
};

static int run_child(void)
{
    const char *name = getenv("CHILD_SCRIPT");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    frame_reader_init(&in, 64 << 20);
    hear(); /* HELLO */
    if (strcmp(name, "never ready") == 0)
        return 5;
    say_ready();
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        if (strcmp(scripts[i].name, name) == 0)
            scripts[i].run();
    return 4;
}

/* ---- the parent ---------------------------------------------------------------- */

struct story {
    struct worker w; /* its loop and lists of requests */
    struct config config;
    bool ready, stopped;
    unsigned broken, started, refused, done, lost, returned;
    enum pool_loss loss;
    int detail;
    char why[200];
};

static struct story *story_of(void *ctx)
{
    return ctx;
}

static void on_ready(void *ctx)
{
    story_of(ctx)->ready = true;
}

static void on_broken(void *ctx, const char *why)
{
    story_of(ctx)->broken++;
    snprintf(story_of(ctx)->why, sizeof(story_of(ctx)->why), "%s", why);
}

static void on_room(void *ctx)
{
    (void)ctx;
}

static void on_started(void *ctx, struct request *rq, struct str meta, uint32_t pid)
{
    (void)meta, (void)pid;
    request_move(rq, RQ_RUNNING);
    story_of(ctx)->started++;
}

static void on_refused(void *ctx, struct request *rq, const struct frame_refused *f)
{
    (void)f;
    request_move(rq, RQ_SETTLING);
    request_destroy(rq);
    story_of(ctx)->refused++;
}

static void on_done(void *ctx, struct request *rq, const struct frame_done *f,
                    const char *process)
{
    (void)f, (void)process;
    request_move(rq, RQ_STORING);
    story_of(ctx)->done++;
}

static void on_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail)
{
    request_move(rq, RQ_STORING);
    story_of(ctx)->lost++;
    story_of(ctx)->loss = loss;
    story_of(ctx)->detail = detail;
}

static void on_returned(void *ctx, struct request *rq)
{
    request_move(rq, RQ_READY);
    story_of(ctx)->returned++;
}

static const struct pool_events events = {
    .ready = on_ready,
    .broken = on_broken,
    .room = on_room,
    .started = on_started,
    .refused = on_refused,
    .done = on_done,
    .lost = on_lost,
    .returned = on_returned,
};

static void begin(struct story *s, const char *script, int64_t children)
{
    setenv("CHILD_SCRIPT", script, 1);
    *s = (struct story){.config = {.concurrency = children,
                                   .message_max_bytes = 16 << 20,
                                   .hostname = (char *)(uintptr_t) "w1@h1",
                                   .accept_content = (char *)(uintptr_t) "json"}};
    for (unsigned i = 0; i < RQ_STATES; i++)
        list_init(&s->w.requests[i]);
    loop_start(&s->w.loop);
    log_init(&s->w.loop, (enum log_level)99);
    s->w.config = &s->config;
}

static void start(struct story *s)
{
    s->w.pool = pool_create(&s->w.loop, &s->config, (struct str){"", 0}, &events, s);
    pool_start(s->w.pool);
}

static bool has_room(void *ctx)
{
    return pool_has_room(story_of(ctx)->w.pool);
}

static struct request *give(struct story *s, size_t bytes)
{
    struct message m = {.id = STR("id"), .name = STR("t"), .task = STR("t")};
    char *raw = calloc(1, bytes + 1);
    loop_until(&s->w.loop, has_room, s, "a child has room");
    struct request *rq =
        request_create(&s->w, &m, STR("celery"), (struct str){raw, bytes});
    free(raw);
    request_move(rq, RQ_READY);
    pool_give(s->w.pool, rq);
    pool_flush(s->w.pool);
    return rq;
}

static void on_stopped(void *ctx)
{
    story_of(ctx)->stopped = true;
}

static void end(struct story *s)
{
    pool_kill(s->w.pool);
    pool_stop(s->w.pool, on_stopped, s);
    loop_until_set(&s->w.loop, &s->stopped, "stopped");
    log_finish();
    loop_finish(&s->w.loop);
    pool_destroy(s->w.pool);
    for (unsigned i = 0; i < RQ_STATES; i++)
        while (!list_empty(&s->w.requests[i]))
            request_destroy(list_entry(s->w.requests[i].next, struct request, link));
}

struct number {
    const unsigned *n;
    unsigned least;
};

static bool reached(void *ctx)
{
    const struct number *n = ctx;
    return *n->n >= n->least;
}

static void until(struct story *s, const unsigned *n, unsigned least, const char *what)
{
    struct number number = {n, least};
    loop_until(&s->w.loop, reached, &number, what);
}

static bool has_a_successor(void *ctx)
{
    struct pool_stats stats = pool_stats(story_of(ctx)->w.pool);
    return stats.spawned >= 2 && stats.serving >= 1;
}

static void until_replaced(struct story *s)
{
    loop_until(&s->w.loop, has_a_successor, s, "the child is replaced");
}

static void tasks_come_back_done(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "serve", 2);
    start(&s);
    for (unsigned i = 1; i <= 100; i++)
        give(&s, 100);
    give(&s, 8 << 20);
    until(&s, &s.done, 101, "done");
    assert_int_equal(s.lost + s.returned + s.refused, 0);
    assert_int_equal(pool_stats(s.w.pool).spawned, 2);
    end(&s);
}

static void a_child_is_replaced_after_its_last_task(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "serve", 1);
    s.config.max_tasks_per_child = 3;
    start(&s);
    for (unsigned i = 1; i <= 7; i++)
        give(&s, 100);
    until(&s, &s.done, 7, "done");
    assert_int_equal(pool_stats(s.w.pool).spawned, 3);
    assert_int_equal(s.lost + s.returned, 0);
    end(&s);
}

static void what_had_not_started_is_returned(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "exit when given", 1);
    start(&s);
    give(&s, 100);
    until(&s, &s.returned, 1, "returned");
    assert_int_equal(s.lost + s.started, 0);
    until_replaced(&s);
    end(&s);
}

static void what_had_started_is_lost(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "abort when running", 1);
    start(&s);
    give(&s, 100);
    until(&s, &s.lost, 1, "lost");
    assert_int_equal(s.loss, POOL_LOST_SIGNAL);
    assert_int_equal(s.detail, SIGABRT);
    until_replaced(&s);
    end(&s);
}

static void a_hard_limit_kills(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "hang", 1);
    start(&s);
    struct request *rq = give(&s, 100);
    rq->hard_limit_s = 0.05;
    until(&s, &s.lost, 1, "lost");
    assert_int_equal(s.loss, POOL_LOST_TIME_LIMIT);
    until_replaced(&s);
    end(&s);
}

static void a_child_that_makes_no_sense_is_killed(void **state)
{
    static const char *const lies[] = {"garbage", "done with another"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct story s;
        begin(&s, lies[i], 1);
        start(&s);
        give(&s, 100);
        until(&s, &s.returned, 1, "returned");
        until_replaced(&s);
        end(&s);
    }
}

static void a_child_that_is_never_ready_is_not_started_in_a_hurry(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "never ready", 1);
    start(&s);
    loop_for(&s.w.loop, 1000);
    assert_in_range(pool_stats(s.w.pool).spawned, 2, 5); /* after 0.1, 0.2, 0.4 s */
    end(&s);
}

static void a_daemon_that_holds_the_socket_does_not_hold_the_place(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "daemon", 1);
    start(&s);
    give(&s, 100);
    until(&s, &s.started, 1, "started");
    until_replaced(&s);
    assert_int_equal(s.done + s.lost, 1);
    end(&s);
}

static void an_answer_before_the_question_was_sent_is_no_answer(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "answer unread", 1);
    start(&s);
    give(&s, 8 << 20);
    until_replaced(&s);
    assert_int_equal(s.refused, 0);
    assert_int_equal(s.returned, 1);
    end(&s);
}

/* ---- a whole worker ------------------------------------------------------------ */

#define REDELIVERED                                                                    \
    "{\"body\": \"W10=\", \"content-encoding\": \"utf-8\", \"content-type\": "         \
    "\"application/json\", \"headers\": {\"lang\": \"py\", \"task\": \"t\", \"id\": "  \
    "\"1\", \"redelivered\": true}, \"properties\": {\"delivery_info\": "              \
    "{\"exchange\": "                                                                  \
    "\"\", \"routing_key\": \"celery\", \"redelivered\": true}, \"body_encoding\": "   \
    "\"base64\", \"delivery_tag\": \"1\"}}"

static int run_worker(const struct url *broker, const struct url *backend)
{
    struct config config;
    struct error e;
    char b[300], r[300];
    snprintf(b, sizeof(b), "redis+socket://%s", broker->host);
    snprintf(r, sizeof(r), "redis+socket://%s", backend->host);
    char *argv[] = {(char *)(uintptr_t) "worker",
                    (char *)(uintptr_t) "-A/proc/self/exe",
                    (char *)(uintptr_t) "-c1",
                    (char *)(uintptr_t) "-b",
                    b,
                    (char *)(uintptr_t) "--result-backend",
                    r};
    if (config_load(&config, 7, argv, &e) < 0 || !freopen("/dev/null", "w", stdout))
        return 3;
    int code = worker_run(&config);
    config_finish(&config);
    return code;
}

struct hearing {
    struct fake_redis *server;
    const char *command;
};

static bool is_heard(void *ctx)
{
    const struct hearing *h = ctx;
    return fake_redis_heard(h->server, h->command) > 0;
}

static void until_heard(uv_loop_t *loop, struct fake_redis *server, const char *command)
{
    struct hearing h = {server, command};
    loop_until(loop, is_heard, &h, command);
}

struct ending {
    pid_t pid;
    int status;
};

static bool is_over(void *ctx)
{
    struct ending *e = ctx;
    return waitpid(e->pid, &e->status, WNOHANG) == e->pid;
}

/* It asks the backend whether a redelivered task was finished before, is told to stop
 * meanwhile, and is answered last. */
static void a_worker_may_stop_before_the_backend_has_answered(void **state)
{
    static char fetched[1024];
    static const struct fake_rule broker_rules[] = {{FETCH, fetched, FAKE_GO_ON, 1},
                                                    {0}};
    static const struct fake_rule backend_rules[] = {{"GET", NULL, FAKE_GO_ON, 0}, {0}};
    struct fake_redis broker, backend;
    struct ending worker;
    uv_loop_t loop;
    (void)state;
    snprintf(fetched, sizeof(fetched), "*2\r\n$1\r\n0\r\n$%zu\r\n%s\r\n",
             strlen(REDELIVERED), REDELIVERED);
    setenv("CHILD_SCRIPT", "serve", 1);
    loop_start(&loop);
    fake_redis_start(&broker, &loop, broker_rules);
    fake_redis_start(&backend, &loop, backend_rules);
    worker.pid = fork();
    if (worker.pid == 0)
        _exit(run_worker(&broker.url, &backend.url));
    until_heard(&loop, &backend, "GET celery-task-meta-1");
    kill(worker.pid, SIGTERM);
    until_heard(&loop, &broker, "CLIENT UNBLOCK"); /* it is stopping */
    loop_for(&loop, 200);
    fake_redis_hang_up(&backend);
    loop_until(&loop, is_over, &worker, "the worker ends");
    assert_true(WIFEXITED(worker.status));
    assert_int_equal(WEXITSTATUS(worker.status), 0);
    assert_int_equal(fake_redis_heard(&broker, MOVE), 1);
    fake_redis_stop(&broker);
    fake_redis_stop(&backend);
    loop_finish(&loop);
    fake_redis_finish(&broker);
    fake_redis_finish(&backend);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return run_child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_come_back_done),
        cmocka_unit_test(a_child_is_replaced_after_its_last_task),
        cmocka_unit_test(what_had_not_started_is_returned),
        cmocka_unit_test(what_had_started_is_lost),
        cmocka_unit_test(a_hard_limit_kills),
        cmocka_unit_test(a_child_that_makes_no_sense_is_killed),
        cmocka_unit_test(a_child_that_is_never_ready_is_not_started_in_a_hurry),
        cmocka_unit_test(a_daemon_that_holds_the_socket_does_not_hold_the_place),
        cmocka_unit_test(an_answer_before_the_question_was_sent_is_no_answer),
        cmocka_unit_test(a_worker_may_stop_before_the_backend_has_answered),
    };
    alarm(110);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
