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
                                  .attributes = {.acks_late = true}};
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

static char signs[2][64]; /* files: "it is so far", "it may go on" */

static void name_signs(void)
{
    for (size_t i = 0; i < 2; i++)
        snprintf(signs[i], sizeof(signs[i]), "/tmp/petiole-pool-%s-%zu",
                 getenv("CHILD_SIGN"), i);
}

static void wait_for_sign(size_t i)
{
    for (unsigned n = 0; access(signs[i], F_OK) != 0 && n < 20000; n++)
        usleep(500);
}

static void give_sign(size_t i)
{
    fclose(fopen(signs[i], "w"));
}

/* Short ones at first; then it ends one and begins the next before anybody looks. */
static void go_on_to_the_next(void)
{
    uint64_t first, second;
    name_signs();
    for (int i = 0; i < 3; i++) {
        uint64_t job = hear_task();
        say_started(job);
        say_done(job);
    }
    first = hear_task();
    say_started(first);
    second = hear_task();
    wait_for_sign(1);
    unlink(signs[1]);
    say_done(first);
    say_started(second);
    give_sign(0);
    wait_for_sign(1);
    say_done(second);
    serve();
}

static void serve_and_grow_fat(void)
{
    for (;;) {
        struct frame_done f = {.job = hear_task(),
                               .outcome = OUTCOME_SUCCESS,
                               .memory_bytes = 11 << 20};
        struct wr w;
        say_started(f.job);
        wr_init(&w, 4096);
        frame_put_done(&w, &f);
        send_all(&w);
        wr_finish(&w);
    }
}

static void say_followed(uint64_t job, uint32_t effects, uint32_t told)
{
    const struct frame_done f = {.job = job,
                                 .outcome = OUTCOME_SUCCESS,
                                 .effects = effects};
    const struct frame_effect e = {.job = job,
                                   .kind = EFFECT_REVOKE,
                                   .id = STR("another")};
    struct wr w;
    wr_init(&w, 4096);
    frame_put_done(&w, &f);
    for (uint32_t i = 0; i < told; i++)
        frame_put_effect(&w, &e);
    send_all(&w);
    wr_finish(&w);
}

static void serve_and_follow(void)
{
    for (;;) {
        uint64_t job = hear_task();
        say_started(job);
        say_followed(job, 3, 3);
    }
}

static void die_behind_done(void)
{
    uint64_t job = hear_task();
    say_started(job);
    say_followed(job, 3, 2);
    _exit(0);
}

static void start_the_next_before_all_is_told(void)
{
    uint64_t job = hear_task();
    say_started(job);
    say_followed(job, 3, 2);
    say_started(job + 1);
    for (;;)
        pause();
}

static void ask(uint64_t job)
{
    const struct frame_read f = {job, FRAME_READ_RESULTS, {"a\0b\0", 4}};
    struct wr w;
    wr_init(&w, 4096);
    frame_put_read(&w, &f);
    send_all(&w);
    wr_finish(&w);
}

/* All of them, each as long as the one before it in the question, and none twice. */
static void ask_for_documents(void)
{
    struct frame_documents f = {0};
    struct str d;
    size_t n = 0;
    uint64_t job = hear_task();
    say_started(job);
    ask(job);
    while (!f.last) {
        struct frame frame = hear();
        if (!frame_get_documents(frame.body, &f) || f.job != job)
            _exit(8);
        while (frame_next_document(&f.items, &d))
            if (d.p ? d.n != 100 << 10 : n != 7)
                _exit(8);
            else
                n++;
    }
    if (n != 50)
        _exit(8);
    say_done(job);
    for (;;)
        pause();
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
    {"go on", go_on_to_the_next},
    {"grow fat", serve_and_grow_fat},
    {"follow", serve_and_follow},
    {"die behind done", die_behind_done},
    {"next too soon", start_the_next_before_all_is_told},
    {"ask", ask_for_documents},
};

static int run_child(void)
{
    const char *name = getenv("CHILD_SCRIPT");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(FRAME_SIGNAL_LEAVE_OUT, SIG_IGN);
    frame_reader_init(&in, 64 << 20);
    hear(); /* HELLO */
    if (strcmp(name, "never ready") == 0)
        return 5;
    while (strcmp(name, "mute") == 0)
        pause();
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
    bool holds; /* no child that tells of an effect is read on */
    unsigned broken, started, refused, done, lost, returned, effects, unfollowed;
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

static void on_started(void *ctx, struct request *rq, const struct frame_started *f,
                       uint32_t pid)
{
    (void)f, (void)pid;
    request_move(rq, RQ_RUNNING);
    if (rq->terminate_signal)
        pool_terminate(story_of(ctx)->w.pool, rq, rq->terminate_signal);
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

static bool on_effect(void *ctx, struct request *rq, const struct frame_effect *f)
{
    assert_true(str_is(f->id, "another"));
    assert_true(rq->state == RQ_STORING);
    story_of(ctx)->effects++;
    assert_true(!rq->child == (story_of(ctx)->effects % 3 == 0)); /* free, or not yet */
    return !story_of(ctx)->holds;
}

static void on_read(void *ctx, struct request *rq, const struct frame_read *f)
{
    static char text[100 << 10];
    struct str documents[50];
    (void)ctx;
    assert_int_equal(f->ids.n, 4);
    for (size_t i = 0; i < 50; i++)
        documents[i] = (struct str){i == 7 ? NULL : text, i == 7 ? 0 : sizeof(text)};
    pool_tell_documents(rq, documents, 20, false);
    pool_tell_documents(rq, documents + 20, 0, false);
    for (size_t i = 20; i < 50; i++)
        documents[i] = (struct str){text, sizeof(text)};
    pool_tell_documents(rq, documents + 20, 30, true);
}

static void on_unfollowed(void *ctx, struct request *rq)
{
    assert_null(rq->child);
    story_of(ctx)->unfollowed++;
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
    .effect = on_effect,
    .read = on_read,
    .unfollowed = on_unfollowed,
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
    s->w.pool = pool_create(&s->w.loop, &s->config, (size_t)s->config.concurrency,
                            (struct str){"", 0}, &events, s);
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

/* Nobody reads more of it, until the last effect has set it free. */
static bool is_at_a_third(void *ctx)
{
    struct story *s = ctx;
    if (s->effects % 3 != 0)
        pool_resume(list_entry(s->w.requests[RQ_STORING].prev, struct request, link));
    return s->effects == 30;
}

static void what_follows_comes_behind_what_is_done(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "follow", 1);
    s.holds = true;
    start(&s);
    for (unsigned i = 1; i <= 10; i++)
        give(&s, 100);
    loop_until(&s.w.loop, is_at_a_third, &s, "all effects");
    assert_int_equal(s.done, 10);
    assert_int_equal(s.unfollowed + s.lost, 0);
    end(&s);
}

static void a_child_that_dies_behind_done_leaves_what_follows(void **state)
{
    static const char *const scripts_that_do[] = {"die behind done", "next too soon"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct story s;
        begin(&s, scripts_that_do[i], 1);
        start(&s);
        give(&s, 100);
        until(&s, &s.unfollowed, 1, "it is said that more would follow");
        assert_int_equal(s.done, 1);
        assert_int_equal(s.lost + s.returned, 0);
        end(&s);
    }
}

static void documents_reach_the_child_that_asks(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "ask", 1);
    start(&s);
    give(&s, 100);
    until(&s, &s.done, 1, "it has them all");
    assert_int_equal(s.lost, 0);
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

static void a_revoke_ends_the_running_task_with_its_signal(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGHUP, SIGUSR2};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct story s;
        begin(&s, "hang", 1);
        start(&s);
        struct request *rq = give(&s, 100);
        until(&s, &s.started, 1, "started");
        pool_terminate(s.w.pool, rq, signals[i]);
        until(&s, &s.lost, 1, "lost");
        assert_int_equal(s.loss, POOL_LOST_TERMINATED);
        assert_int_equal(s.detail, signals[i]);
        until_replaced(&s);
        end(&s);
    }
}

static void a_revoke_of_what_has_not_started_ends_it_when_it_does(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "hang", 1);
    start(&s);
    struct request *rq = give(&s, 100);
    pool_terminate(s.w.pool, rq, SIGKILL);
    until(&s, &s.lost, 1, "lost");
    assert_int_equal(s.started, 1);
    assert_int_equal(s.loss, POOL_LOST_TERMINATED);
    end(&s);
}

/* The signal comes when the child has gone on to the next task, and the parent has not
 * heard of it yet. */
static void a_signal_does_not_meet_the_next_task(void **state)
{
    struct story s;
    char sign[16];
    (void)state;
    snprintf(sign, sizeof(sign), "%d", getpid());
    setenv("CHILD_SIGN", sign, 1);
    name_signs();
    begin(&s, "go on", 1);
    start(&s);
    for (unsigned i = 1; i <= 3; i++) {
        give(&s, 100);
        until(&s, &s.done, i, "done");
    }
    struct request *first = give(&s, 100);
    give(&s, 100);
    until(&s, &s.started, 4, "the first runs");
    give_sign(1);
    wait_for_sign(0); /* the child is at the second by now */
    pool_terminate(s.w.pool, first, SIGKILL);
    until(&s, &s.started, 5, "the second runs");
    assert_int_equal(s.done, 4);
    give_sign(1);
    until(&s, &s.done, 5, "the second is done");
    give(&s, 100);
    until(&s, &s.done, 6, "the child goes on");
    assert_int_equal(s.lost + s.returned, 0);
    assert_int_equal(pool_stats(s.w.pool).spawned, 1);
    unlink(signs[0]);
    unlink(signs[1]);
    end(&s);
}

static size_t serving(struct story *s)
{
    return pool_stats(s->w.pool).serving;
}

static bool three_serve(void *ctx)
{
    return serving(ctx) == 3;
}

static bool one_serves(void *ctx)
{
    return serving(ctx) == 1;
}

static void a_pool_grows_and_shrinks(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "hang", 1);
    start(&s);
    give(&s, 100);
    until(&s, &s.started, 1, "started");
    pool_grow(s.w.pool, 2);
    assert_int_equal(pool_size(s.w.pool), 3);
    loop_until(&s.w.loop, three_serve, &s, "three serve");
    assert_int_equal(pool_shrink(s.w.pool, 3), 2); /* the third is busy */
    assert_int_equal(pool_size(s.w.pool), 1);
    loop_until(&s.w.loop, one_serves, &s, "one serves");
    loop_for(&s.w.loop, 300);
    assert_int_equal(pool_stats(s.w.pool).spawned, 3);
    assert_int_equal(s.lost, 0);
    end(&s);
}

static void a_child_that_holds_too_much_memory_is_replaced(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "grow fat", 1);
    s.config.max_memory_per_child_kib = 10 << 10;
    start(&s);
    for (unsigned i = 1; i <= 3; i++)
        give(&s, 100);
    until(&s, &s.done, 3, "done");
    assert_in_range(pool_stats(s.w.pool).spawned, 3, 4); /* the last one's heir */
    assert_int_equal(s.lost + s.returned, 0);
    end(&s);
}

static bool tried_again(void *ctx)
{
    return pool_stats(story_of(ctx)->w.pool).spawned >= 3;
}

static void a_child_that_never_comes_up_is_killed_and_replaced(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "mute", 1);
    s.config.proc_alive_timeout_s = 0.05;
    start(&s);
    loop_until(&s.w.loop, tried_again, &s, "a third child");
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
    /* The rules are the broker's alone: nobody else may ask this server. */
    config.enable_remote_control = false;
    config.without_gossip = config.without_heartbeat = true;
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
    snprintf(fetched, sizeof(fetched), "*2\r\n:0\r\n*1\r\n$%zu\r\n%s\r\n",
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
        cmocka_unit_test(what_follows_comes_behind_what_is_done),
        cmocka_unit_test(a_child_that_dies_behind_done_leaves_what_follows),
        cmocka_unit_test(documents_reach_the_child_that_asks),
        cmocka_unit_test(a_child_is_replaced_after_its_last_task),
        cmocka_unit_test(what_had_not_started_is_returned),
        cmocka_unit_test(what_had_started_is_lost),
        cmocka_unit_test(a_hard_limit_kills),
        cmocka_unit_test(a_revoke_ends_the_running_task_with_its_signal),
        cmocka_unit_test(a_revoke_of_what_has_not_started_ends_it_when_it_does),
        cmocka_unit_test(a_signal_does_not_meet_the_next_task),
        cmocka_unit_test(a_pool_grows_and_shrinks),
        cmocka_unit_test(a_child_that_holds_too_much_memory_is_replaced),
        cmocka_unit_test(a_child_that_never_comes_up_is_killed_and_replaced),
        cmocka_unit_test(a_child_that_makes_no_sense_is_killed),
        cmocka_unit_test(a_child_that_is_never_ready_is_not_started_in_a_hurry),
        cmocka_unit_test(a_daemon_that_holds_the_socket_does_not_hold_the_place),
        cmocka_unit_test(an_answer_before_the_question_was_sent_is_no_answer),
        cmocka_unit_test(a_worker_may_stop_before_the_backend_has_answered),
    };
    alarm(110);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
