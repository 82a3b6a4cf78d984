/* SPDX-License-Identifier: Apache-2.0 */
/* Results on their way to Redis: stored once, in order, and never waiting for ever. */
#include "fake_redis.h"
#include "loop.h"
#include "real_redis.h"

#include "../../../src/backend.h"
#include "../../../src/config.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STORE "EVALSHA 0x"
#define META(status) "{\"status\": \"" status "\", \"result\": 1}"

static struct real_redis server;

struct story {
    uv_loop_t loop;
    struct config config;
    struct fake_redis fake;
    struct backend *backend;
    bool up, stopped;
    unsigned stored, refused, downs, statuses;
    char why[200], status[32];
};

static void on_up(void *ctx)
{
    ((struct story *)ctx)->up = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct story *s = ctx;
    (void)why, (void)retry_s, (void)attempts;
    s->up = false;
    s->downs++;
}

static const struct backend_events events = {on_up, on_down};

static void create(struct story *s, const struct url *url)
{
    struct error e;
    s->config = (struct config){.message_max_bytes = 64 << 20,
                                .result_expires_s = 3600,
                                .result_base_sleep_ms = 10,
                                .result_max_sleep_ms = 1000};
    assert_int_equal(endpoint_init_parsed(&s->config.backend, ENDPOINT_BACKEND, url,
                                          &e),
                     0);
    s->backend = redis_backend_create(&s->loop, &s->config, &events, s, &e);
    assert_non_null(s->backend);
    s->backend->ops->start(s->backend);
    log_init(&s->loop, LOG_CRITICAL);
    loop_until_set(&s->loop, &s->up, "the backend is up");
}

static void begin(struct story *s)
{
    alarm(120);
    *s = (struct story){0};
    real_redis_ask(&server, "FLUSHALL");
    loop_start(&s->loop);
    create(s, &server.url);
}

static void begin_fake(struct story *s, const struct fake_rule *rules)
{
    alarm(120);
    *s = (struct story){0};
    loop_start(&s->loop);
    fake_redis_start(&s->fake, &s->loop, rules);
    create(s, &s->fake.url);
}

static void on_stopped(void *ctx)
{
    ((struct story *)ctx)->stopped = true;
}

static void end(struct story *s)
{
    s->backend->ops->stop(s->backend, on_stopped, s);
    loop_until_set(&s->loop, &s->stopped, "stopped");
    if (s->fake.loop)
        fake_redis_stop(&s->fake);
    log_finish();
    loop_finish(&s->loop);
    s->backend->ops->destroy(s->backend);
    endpoint_finish(&s->config.backend);
    if (s->fake.loop)
        fake_redis_finish(&s->fake);
}

static void on_done(void *ctx, enum backend_verdict verdict, const char *why)
{
    struct story *s = ctx;
    s->stored += verdict == BACKEND_STORED;
    s->refused += verdict == BACKEND_REFUSED;
    if (why)
        snprintf(s->why, sizeof(s->why), "%s", why);
}

static void store(struct story *s, const char *id, struct str meta)
{
    s->backend->ops->store(s->backend, str_of(id), meta, BACKEND_FIRST, on_done, s);
}

static void update(struct story *s, const char *id, struct str meta)
{
    s->backend->ops->store(s->backend, str_of(id), meta, BACKEND_UPDATE, on_done, s);
}

static void on_status(void *ctx, struct str status)
{
    struct story *s = ctx;
    s->statuses++;
    snprintf(s->status, sizeof(s->status), "%.*s", (int)status.n, status.p);
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
    loop_until(&s->loop, reached, &number, what);
}

/* ---- a real server ------------------------------------------------------------- */

static void a_result_is_stored_and_announced_as_celery_does(void **state)
{
    struct story s;
    redisReply *message = NULL;
    (void)state;
    begin(&s);
    redisContext *client = redisConnectUnix(server.socket);
    freeReplyObject(redisCommand(client, "SUBSCRIBE celery-task-meta-1"));
    store(&s, "1", STR(META("SUCCESS")));
    until(&s, &s.stored, 1, "stored");
    assert_string_equal(real_redis_text(&server, "GET celery-task-meta-1"),
                        META("SUCCESS"));
    assert_in_range(real_redis_int(&server, "TTL celery-task-meta-1"), 3590, 3600);
    assert_int_equal(redisGetReply(client, (void **)&message), REDIS_OK);
    assert_string_equal(message->element[2]->str, META("SUCCESS"));
    freeReplyObject(message);
    redisFree(client);
    end(&s);
}

static void a_stored_success_stays(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    update(&s, "1", STR(META("STARTED")));
    update(&s, "1", STR(META("SUCCESS")));
    update(&s, "1", STR(META("FAILURE")));
    store(&s, "1", STR(META("FAILURE")));
    until(&s, &s.stored, 4, "stored");
    assert_string_equal(real_redis_text(&server, "GET celery-task-meta-1"),
                        META("SUCCESS"));
    s.backend->ops->read_status(s.backend, STR("1"), on_status, &s);
    until(&s, &s.statuses, 1, "a status");
    assert_string_equal(s.status, "SUCCESS");
    s.backend->ops->read_status(s.backend, STR("2"), on_status, &s);
    until(&s, &s.statuses, 2, "no status");
    assert_string_equal(s.status, "");
    end(&s);
}

static void what_one_key_refuses_is_tried_again_and_the_rest_is_stored(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "CONFIG SET maxmemory 1");
    store(&s, "1", STR(META("SUCCESS")));
    store(&s, "2", STR(META("SUCCESS")));
    loop_for(&s.loop, 300);
    assert_int_equal(s.stored + s.refused, 0);
    real_redis_ask(&server, "CONFIG SET maxmemory 0");
    until(&s, &s.stored, 2, "stored");
    end(&s);
}

/* Redis hangs up on a string beyond proto-max-bulk-len, while it is still being sent.
 */
static void a_result_that_redis_does_not_take_is_refused_alone(void **state)
{
    struct story s;
    size_t n = 40 << 20;
    char *large = malloc(n);
    (void)state;
    memset(large, 'x', n);
    begin(&s);
    real_redis_ask(&server, "CONFIG SET proto-max-bulk-len 1mb");
    store(&s, "1", STR(META("SUCCESS")));
    store(&s, "large", (struct str){large, n});
    store(&s, "2", STR(META("SUCCESS")));
    until(&s, &s.refused, 1, "refused");
    until(&s, &s.stored, 2, "stored");
    assert_non_null(strstr(s.why, "invalid bulk length"));
    real_redis_ask(&server, "CONFIG SET proto-max-bulk-len 512mb");
    end(&s);
    free(large);
}

/* Over TCP the reply may be lost with the connection, and only the hang-ups are left.
 */
static void a_large_result_that_is_hung_up_on_is_refused_alone(void **state)
{
    static const struct fake_rule rules[] = {{"SET celery-task-meta-large", NULL,
                                              FAKE_HANG_UP, 0},
                                             {0}};
    static char large[(1 << 20) + 1];
    struct story s;
    (void)state;
    memset(large, 'x', sizeof(large));
    begin_fake(&s, rules);
    store(&s, "1", STR("{}"));
    store(&s, "large", (struct str){large, sizeof(large)});
    store(&s, "2", (struct str){large, sizeof(large)});
    until(&s, &s.refused, 1, "refused");
    until(&s, &s.stored, 2, "stored");
    assert_non_null(strstr(s.why, "proto-max-bulk-len"));
    assert_int_equal(fake_redis_heard(&s.fake, "SET celery-task-meta-large"), 3);
    end(&s);
}

static void and_so_is_a_large_update(void **state)
{
    static const struct fake_rule rules[] = {{STORE, NULL, FAKE_HANG_UP, 3},
                                             {STORE, "*0\r\n", FAKE_GO_ON, 0},
                                             {0}};
    static char large[(1 << 20) + 1];
    struct story s;
    (void)state;
    memset(large, 'x', sizeof(large));
    begin_fake(&s, rules);
    update(&s, "large", (struct str){large, sizeof(large)});
    update(&s, "2", STR("{}"));
    until(&s, &s.refused, 1, "refused");
    until(&s, &s.stored, 1, "stored");
    end(&s);
}

static void but_a_small_one_is_tried_for_ever(void **state)
{
    static const struct fake_rule rules[] = {{"SET celery-task-meta-1", NULL,
                                              FAKE_HANG_UP, 5},
                                             {0}};
    struct story s;
    (void)state;
    begin_fake(&s, rules);
    store(&s, "1", STR("{}"));
    until(&s, &s.stored, 1, "stored");
    assert_int_equal(s.refused, 0);
    end(&s);
}

/* ---- a lying one --------------------------------------------------------------- */

static const char *const answers[] = {
    "*1\r\n:5\r\n", "*1\r\n$-1\r\n", "*1\r\n$10\r\n4294967297\r\n",
    ":1\r\n",       "$-1\r\n",       "*1\r\n$3\r\n1 x\r\n"};

static void an_answer_that_makes_no_sense_does_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct fake_rule rules[] = {{STORE, answers[i], FAKE_GO_ON, 1},
                                          {STORE, "*0\r\n", FAKE_GO_ON, 0},
                                          {0}};
        struct story s;
        begin_fake(&s, rules);
        update(&s, "1", STR("{}"));
        until(&s, &s.stored, 1, "stored in the end");
        end(&s);
    }
}

static void nor_does_one_to_a_first_document(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct fake_rule rules[] = {{"SET celery-task-meta-1", answers[i],
                                           FAKE_GO_ON, 1},
                                          {"SET celery-task-meta-1", "+OK\r\n",
                                           FAKE_GO_ON, 0},
                                          {STORE, "*0\r\n", FAKE_GO_ON, 0},
                                          {0}};
        struct story s;
        begin_fake(&s, rules);
        store(&s, "1", STR("{}"));
        until(&s, &s.stored, 1, "stored in the end");
        end(&s);
    }
}

static void a_lost_connection_repeats_what_nobody_confirmed(void **state)
{
    static const struct fake_rule rules[] = {{STORE, NULL, FAKE_HANG_UP, 1},
                                             {STORE, "*0\r\n", FAKE_GO_ON, 0},
                                             {0}};
    struct story s;
    (void)state;
    begin_fake(&s, rules);
    update(&s, "1", STR("{\"n\": 1}"));
    update(&s, "1", STR("{\"n\": 2}"));
    until(&s, &s.stored, 2, "stored");
    struct str line = fake_redis_newest(&s.fake, STORE);
    const char *one = memmem(line.p, line.n, "{\"n\": 1}", 8);
    assert_non_null(one);
    assert_non_null(memmem(one, (size_t)(line.p + line.n - one), "{\"n\": 2}", 8));
    end(&s);
}

static void of_first_documents_only_the_unconfirmed_are_repeated(void **state)
{
    static const struct fake_rule rules[] = {{"SET celery-task-meta-2", NULL,
                                              FAKE_HANG_UP, 1},
                                             {0}};
    struct story s;
    (void)state;
    begin_fake(&s, rules);
    store(&s, "1", STR("{}"));
    store(&s, "2", STR("{}"));
    store(&s, "3", STR("{}"));
    until(&s, &s.stored, 3, "stored");
    assert_int_equal(fake_redis_heard(&s.fake, "SET celery-task-meta-1"), 1);
    assert_int_equal(fake_redis_heard(&s.fake, "SET celery-task-meta-2"), 2);
    end(&s);
}

static void progress_is_dropped_rather_than_kept_without_bound(void **state)
{
    static const struct fake_rule rules[] = {{STORE, NULL, FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    begin_fake(&s, rules);
    for (int i = 0; i < 5000; i++)
        s.backend->ops->store(s.backend, STR("1"), STR("{}"), BACKEND_UPDATE, NULL,
                              NULL);
    loop_for(&s.loop, 50);
    end(&s);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_stored_and_announced_as_celery_does),
        cmocka_unit_test(a_stored_success_stays),
        cmocka_unit_test(what_one_key_refuses_is_tried_again_and_the_rest_is_stored),
        cmocka_unit_test(a_result_that_redis_does_not_take_is_refused_alone),
        cmocka_unit_test(a_large_result_that_is_hung_up_on_is_refused_alone),
        cmocka_unit_test(and_so_is_a_large_update),
        cmocka_unit_test(but_a_small_one_is_tried_for_ever),
        cmocka_unit_test(an_answer_that_makes_no_sense_does_no_harm),
        cmocka_unit_test(nor_does_one_to_a_first_document),
        cmocka_unit_test(a_lost_connection_repeats_what_nobody_confirmed),
        cmocka_unit_test(of_first_documents_only_the_unconfirmed_are_repeated),
        cmocka_unit_test(progress_is_dropped_rather_than_kept_without_bound),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
