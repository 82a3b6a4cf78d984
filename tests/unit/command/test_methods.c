/* SPDX-License-Identifier: Apache-2.0 */
/* Words behind a method, as the arguments that Celery makes of them. */
#include "../../../src/command/methods.h"
#include "../protocol/cmocka_all.h"

#include "../../../protocol/buf.h"
#include "../../../protocol/json.h"

static struct arena arena;
static struct error error;

static const struct command_word *find(const char *name)
{
    for (const struct command_word *w = inspect_methods; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    for (const struct command_word *w = control_methods; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    fail_msg("no method %s", name);
    return NULL;
}

/* words: the method, then what stands behind it, up to a NULL. */
static const ptl_value *read(const char *const *words)
{
    size_t n = 0;
    while (words[1 + n])
        n++;
    return method_arguments(find(words[0]), &arena, words + 1, n, &error);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect(const char *const *words, const char *json)
{
    struct wr w;
    const ptl_value *v = read(words);
    if (!v)
        fail_msg("%s: %s", words[0], error.msg);
    wr_init(&w, 4096);
    json_write(&w, v);
    assert_str(wr_str(&w), str_of(json));
    wr_finish(&w);
}

static void expect_refused(const char *const *words, const char *why)
{
    if (read(words))
        fail_msg("%s is taken", words[0]);
    assert_string_equal(error.msg, why);
}

static void words_become_arguments(void **state)
{
    (void)state;
    expect(WORDS("ping"), "{}");
    expect(WORDS("conf"), "{}");
    expect(WORDS("conf", "True"), "{\"with_defaults\": true}");
    expect(WORDS("conf", "off"), "{\"with_defaults\": false}");
    expect(WORDS("registered"), "{\"taskinfoitems\": []}");
    expect(WORDS("registered", "rate_limit", "serializer"),
           "{\"taskinfoitems\": [\"rate_limit\", \"serializer\"]}");
    expect(WORDS("query_task", "a", "b"), "{\"ids\": [\"a\", \"b\"]}");
    expect(WORDS("pool_grow"), "{}");
    expect(WORDS("pool_shrink", "2"), "{\"n\": 2}");
    expect(WORDS("autoscale", "10", "3"), "{\"max\": 10, \"min\": 3}");
    expect(WORDS("rate_limit", "demo.add", "10/m"),
           "{\"task_name\": \"demo.add\", \"rate_limit\": \"10/m\"}");
    expect(WORDS("time_limit", "demo.add", "1", "2.5"),
           "{\"task_name\": \"demo.add\", \"soft\": 1.0, \"hard\": 2.5}");
    expect(WORDS("terminate", "SIGKILL", "a", "b"),
           "{\"signal\": \"SIGKILL\", \"task_id\": [\"a\", \"b\"]}");
    expect(WORDS("revoke_by_stamped_headers", "k=v"), "{\"headers\": [\"k=v\"]}");
    expect(WORDS("add_consumer", "q", "e", "topic", "r.#"),
           "{\"queue\": \"q\", \"exchange\": \"e\", \"exchange_type\": \"topic\", "
           "\"routing_key\": \"r.#\"}");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    expect_refused(WORDS("ping", "x"), "ping takes no arguments");
    expect_refused(WORDS("rate_limit", "demo.add"), "rate_limit takes TASK RATE");
    expect_refused(WORDS("terminate", "SIGKILL"), "terminate takes SIGNAL ID...");
    expect_refused(WORDS("revoke"), "revoke takes ID...");
    expect_refused(WORDS("cancel_consumer", "a", "b"), "cancel_consumer takes QUEUE");
    expect_refused(WORDS("pool_grow", "x"), "n needs an integer, not 'x'");
    expect_refused(WORDS("pool_grow", "99999999999999999999"),
                   "n needs an integer, not '99999999999999999999'");
    expect_refused(WORDS("time_limit", "t", "inf"), "soft needs seconds, not 'inf'");
    expect_refused(WORDS("conf", "maybe"),
                   "with_defaults needs true or false, not 'maybe'");
}

static void expect_sorted(const struct command_word *w)
{
    for (; w->name && w[1].name; w++)
        assert_true(strcmp(w->name, w[1].name) < 0);
}

static void methods_are_easy_to_find(void **state)
{
    (void)state;
    expect_sorted(inspect_methods);
    expect_sorted(control_methods);
}

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_arguments),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(methods_are_easy_to_find),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
