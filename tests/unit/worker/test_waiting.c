/* SPDX-License-Identifier: Apache-2.0 */
/* Requests while they wait: their states, the schedule, unknown tasks, the table. */
#include "../../../protocol/message.h"
#include "../../../src/pool/table.h"
#include "../../../src/request/unknown.h"
#include "../../../src/worker.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the schedule -------------------------------------------------------------- */

#define WAITING 5000
#define STEPS 1000000

static unsigned long long next_random(unsigned long long *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void expect_heap(const struct schedule *s)
{
    for (size_t i = 1; i < s->n; i++) {
        assert_true(s->heap[(i - 1) / 2]->due_us <= s->heap[i]->due_us);
        assert_int_equal(s->heap[i]->slot, i);
    }
}

static void a_million_random_steps_keep_the_schedule_in_order(void **state)
{
    static struct request requests[WAITING];
    static bool in[WAITING];
    unsigned long long x = 88172645463325252ull;
    struct schedule s = {0};
    size_t n = 0;
    (void)state;
    for (int i = 0; i < STEPS; i++) {
        size_t k = next_random(&x) % WAITING;
        if (in[k]) {
            schedule_remove(&s, &requests[k]);
            n--;
        } else {
            requests[k].due_us = (int64_t)(next_random(&x) % 1000);
            assert_true(schedule_add(&s, &requests[k]));
            n++;
        }
        in[k] = !in[k];
        assert_int_equal(s.n, n);
        if (i % 50000 == 0)
            expect_heap(&s);
    }
    expect_heap(&s);
    int64_t last = INT64_MIN;
    for (struct request *rq; (rq = schedule_next(&s)); last = rq->due_us) {
        assert_true(rq->due_us >= last);
        schedule_remove(&s, rq);
    }
    schedule_finish(&s);
}

/* ---- unknown tasks ------------------------------------------------------------- */

static void an_unknown_task_waits_ever_longer(void **state)
{
    static const int expected[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct unknown *u = unknown_create();
    int64_t now = 1000000;
    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        int hold = unknown_hold_s(u, STR("id"), now, 3600);
        assert_int_equal(hold, expected[i]);
        now += hold * (int64_t)1000000;
    }
    unknown_destroy(u);
}

static void patience_with_an_unknown_task_ends(void **state)
{
    struct unknown *u = unknown_create();
    (void)state;
    assert_int_equal(unknown_hold_s(u, STR("id"), 0, 10), 1);
    assert_int_equal(unknown_hold_s(u, STR("id"), 9999999, 10), 2);
    assert_int_equal(unknown_hold_s(u, STR("id"), 10000000, 10), -1);
    assert_int_equal(unknown_hold_s(u, STR("id"), 10000001, 10), 1); /* replayed */
    assert_int_equal(unknown_hold_s(u, STR("none"), 0, 0), 1);
    assert_int_equal(unknown_hold_s(u, STR("none"), 0, 0), -1);
    unknown_destroy(u);
}

static void a_task_that_is_requeued_again_waits_ever_longer(void **state)
{
    static const int expected_ms[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct unknown *u = unknown_create();
    int64_t now = 1000000;
    uint32_t times = 0;
    (void)state;
    for (uint32_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++) {
        int64_t hold = unknown_requeue_us(u, STR("id"), now, &times);
        assert_int_equal(hold, expected_ms[i] * 1000);
        assert_int_equal(times, i + 1);
        now += hold;
    }
    assert_int_equal(unknown_requeue_us(u, STR("other"), now, &times), 0);
    now += 60000001;
    assert_int_equal(unknown_requeue_us(u, STR("id"), now, &times), 0);
    assert_int_equal(times, 1);
    unknown_destroy(u);
}

static struct str numbered(char id[32], int i)
{
    return (struct str){id, (size_t)snprintf(id, 32, "task-%d", i)};
}

static void a_full_table_forgets_the_newest_and_what_is_stale(void **state)
{
    struct unknown *u = unknown_create();
    char id[32];
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(unknown_hold_s(u, numbered(id, i), i, 3600), 1);
    assert_int_equal(unknown_hold_s(u, numbered(id, 99999), 100000, 3600), 2);
    assert_int_equal(unknown_hold_s(u, numbered(id, 0), 100001, 3600), 2);
    for (int i = 100000; i < 200000; i++)
        assert_int_equal(unknown_hold_s(u, numbered(id, i), 700000000 + i, 3600), 1);
    assert_int_equal(unknown_hold_s(u, numbered(id, 0), 700200000, 3600), 1);
    unknown_destroy(u);
}

/* Each is met once a second, in turn, by a worker that has patience for ten. */
static void more_ids_than_the_table_holds_all_become_dead_letters(void **state)
{
    enum { IDS = 20000, ROUNDS_MAX = 200 };
    static bool dead[IDS];
    struct unknown *u = unknown_create();
    char id[32];
    int left = IDS;
    (void)state;
    for (int64_t round = 0; round < ROUNDS_MAX && left > 0; round++)
        for (int i = 0; i < IDS; i++)
            if (!dead[i] &&
                unknown_hold_s(u, numbered(id, i), round * 1000000 + i, 10) < 0) {
                dead[i] = true;
                left--;
            }
    assert_int_equal(left, 0);
    unknown_destroy(u);
}

static void each_unknown_name_is_told_once(void **state)
{
    struct unknown *u = unknown_create();
    unsigned told = 0;
    (void)state;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++) {
            char name[32];
            int n = snprintf(name, sizeof(name), "app.tasks.t%d", i);
            told += unknown_first_of(u, (struct str){name, n});
        }
    assert_int_equal(told, 100);
    unknown_destroy(u);
}

/* ---- the request's states ------------------------------------------------------ */

static void init_worker(struct worker *w)
{
    memset(w, 0, sizeof(*w));
    for (unsigned s = 0; s < RQ_STATES; s++)
        list_init(&w->requests[s]);
}

static void a_request_is_one_block_that_is_on_one_list(void **state)
{
    struct worker w;
    struct message m = {.id = STR("id"), .name = STR("add"), .task = STR("add")};
    (void)state;
    init_worker(&w);
    struct request *rq = request_create(&w, &m, STR("celery"), STR("{}"));
    assert_int_equal(w.counts[RQ_RECEIVED], 1);
    request_move(rq, RQ_READY);
    assert_int_equal(w.counts[RQ_RECEIVED], 0);
    assert_true(list_empty(&w.requests[RQ_RECEIVED]));
    assert_ptr_equal(w.requests[RQ_READY].next, &rq->link);
    assert_string_equal(rq->queue.p, "celery");
    assert_string_equal(rq->raw.p, "{}");
    assert_ptr_equal(rq->name.p, rq->task.p);
    request_destroy(rq);
    assert_int_equal(w.counts[RQ_READY], 0);
}

/* Does moving from one state to another abort? */
static bool is_illegal(enum request_state from, enum request_state to)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct worker w;
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        signal(SIGABRT, SIG_DFL);
        init_worker(&w);
        struct request *rq = request_create_bare(&w, STR("q"), STR("{}"));
        rq->state = from;
        request_move(rq, to);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void illegal_moves_abort(void **state)
{
    static const enum request_state illegal[][2] = {
        {RQ_SETTLING, RQ_READY},   {RQ_SETTLING, RQ_SETTLING},  {RQ_READY, RQ_RUNNING},
        {RQ_RECEIVED, RQ_RUNNING}, {RQ_FOLLOWING, RQ_RUNNING},  {RQ_RUNNING, RQ_GIVEN},
        {RQ_WAITING, RQ_RECEIVED}, {RQ_SETTLING, RQ_FOLLOWING},
    };
    static const enum request_state legal[][2] = {
        {RQ_RECEIVED, RQ_READY},     {RQ_GIVEN, RQ_READY},
        {RQ_GIVEN, RQ_RUNNING},      {RQ_RUNNING, RQ_STORING},
        {RQ_STORING, RQ_SETTLING},   {RQ_WAITING, RQ_CHECKING},
        {RQ_STORING, RQ_FOLLOWING},  {RQ_FOLLOWING, RQ_READY},
        {RQ_FOLLOWING, RQ_SETTLING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++)
        assert_true(is_illegal(illegal[i][0], illegal[i][1]));
    for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
        assert_false(is_illegal(legal[i][0], legal[i][1]));
}

/* ---- the table of tasks -------------------------------------------------------- */

static struct frame_ready ready_of(struct wr *w, const char *const *names)
{
    struct frame_ready ready;
    uint32_t n = 0;
    while (names[n])
        n++;
    size_t begun = frame_begin_ready(w, 1, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct frame_row row = {.name = str_of(names[i]), .params = STR("x")};
        frame_put_row(w, &row);
    }
    frame_end(w, begun);
    struct rd body = {.p = w->p + 5, .left = w->len - 5};
    assert_true(frame_get_ready(body, &ready));
    return ready;
}

static void tasks_are_found_by_name(void **state)
{
    static const char *const names[] = {"b", "a.b", "a", "ab", "", NULL};
    static const char *const others[] = {"b", "a.b", "a", "ac", "", NULL};
    struct table t;
    struct wr w, other;
    (void)state;
    wr_init(&w, 4096);
    wr_init(&other, 4096);
    struct frame_ready ready = ready_of(&w, names), changed = ready_of(&other, others);
    assert_true(table_read(&t, &ready));
    for (size_t i = 0; names[i]; i++)
        assert_str(table_find(&t, str_of(names[i]))->name, str_of(names[i]));
    assert_null(table_find(&t, STR("a.")));
    assert_null(table_find(&t, STR("c")));
    assert_true(table_equals(&t, &ready));
    assert_false(table_equals(&t, &changed));
    table_finish(&t);
    wr_finish(&w);
    wr_finish(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_random_steps_keep_the_schedule_in_order),
        cmocka_unit_test(an_unknown_task_waits_ever_longer),
        cmocka_unit_test(patience_with_an_unknown_task_ends),
        cmocka_unit_test(a_task_that_is_requeued_again_waits_ever_longer),
        cmocka_unit_test(a_full_table_forgets_the_newest_and_what_is_stale),
        cmocka_unit_test(more_ids_than_the_table_holds_all_become_dead_letters),
        cmocka_unit_test(each_unknown_name_is_told_once),
        cmocka_unit_test(a_request_is_one_block_that_is_on_one_list),
        cmocka_unit_test(illegal_moves_abort),
        cmocka_unit_test(tasks_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
