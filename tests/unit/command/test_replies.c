/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes replied, as celery inspect prints it, on what it was recorded to print. */
#include "../../../src/command/reply.h"
#include "../protocol/cmocka_all.h"
#include "../protocol/golden.h"

#include "../../../protocol/json.h"

#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 16 << 20);
    wr_init(&out, 16 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static struct str printed(const struct reply_style *style, const char *text)
{
    struct json_error e;
    const ptl_value *v = json_read(&arena, str_of(text), 0, &json_default_limits, &e);
    if (!v)
        fail_msg("%s at byte %zu of %s", e.what, e.offset, text);
    wr_reset(&out);
    reply_write(&out, style, STR("w1@h1"), v);
    assert_false(out.bad);
    return wr_str(&out);
}

/* What stands between "--- stdout" and the count of nodes or "--- stderr". */
static struct str recorded(struct str file)
{
    char *start = strstr(file.p, "--- stdout\n") + strlen("--- stdout\n");
    char *stop = strstr(start, "\n\n1 node online.");
    stop = stop ? stop + 1 : strstr(start, "--- stderr");
    size_t n = (size_t)(stop - start);
    if (n > 6 && memcmp(stop - 6, "\n    \n", 6) == 0)
        n -= 5; /* Pygments' */
    return (struct str){start, n};
}

static void expect_recorded(const char *path, const struct reply_style *style,
                            const char *reply)
{
    struct str file = golden_read(path);
    assert_str(printed(style, reply), recorded(file));
    free((char *)(uintptr_t)file.p);
}

static void replies_look_as_celerys(void **state)
{
    static const struct {
        const char *path, *reply;
    } cases[] = {
        {"cli/inspect_ping.txt", "{\"ok\": \"pong\"}"},
        {"cli/inspect_clock.txt", "{\"clock\": 27}"},
        {"cli/inspect_reserved.txt", "[]"},
        {"cli/control_pool_grow.txt", "{\"ok\": \"pool will grow\"}"},
        {"cli/control_revoke.txt", "{\"ok\": \"tasks {'cb19a5a0-4af3-4d91-b93f-"
                                   "8d9fcdcc7d73'} flagged as revoked\"}"},
        {"cli/inspect_active.txt",
         "[{\"id\": \"c6a77244-257c-4239-9213-1c48bdb55d33\", \"name\": "
         "\"cap_app.sleeping\", \"args\": [8], \"kwargs\": {}, \"type\": "
         "\"cap_app.sleeping\", \"hostname\": \"w1@h1\", \"time_start\": "
         "1795358982.6874363, \"acknowledged\": true, \"delivery_info\": "
         "{\"exchange\": \"\", \"routing_key\": \"celery\", \"priority\": 0, "
         "\"redelivered\": false}, \"worker_pid\": 2762}]"},
    };
    const struct reply_style style = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_recorded(cases[i].path, &style, cases[i].reply);
    expect_recorded("cli/status.txt", &(struct reply_style){.names_only = true},
                    "{\"ok\": \"pong\"}");
}

/* Both are JSON already: read, and printed again. */
static void long_replies_look_as_celerys(void **state)
{
    const struct reply_style style = {0};
    struct str file = golden_read("cli/inspect_stats.txt"), body = recorded(file);
    char *json = memchr(body.p, '{', body.n);
    (void)state;
    char *copy = strndup(json, (size_t)(body.p + body.n - json));
    assert_str(printed(&style, copy), body);
    free(copy);
    free((char *)(uintptr_t)file.p);
}

static void an_error_is_one(void **state)
{
    const struct reply_style style = {0};
    (void)state;
    assert_str(printed(&style, "{\"error\": \"unknown task\"}"),
               STR("->  w1@h1: ERROR\n        unknown task\n"));
    assert_str(printed(&style, "{\"ok\": {\"error\": \"deep\"}}"),
               STR("->  w1@h1: OK\n            deep\n"));
    assert_str(printed(&style, "{\"ok\": null}"), STR("->  w1@h1: OK\n        None\n"));
}

static void values_look_as_pythons(void **state)
{
    const struct reply_style style = {0};
    (void)state;
    assert_str(printed(&style, "null"), STR("->  w1@h1: OK\n    None\n"));
    assert_str(printed(&style, "\"two\\nlines\""),
               STR("->  w1@h1: OK\n    two\n    lines\n"));
    assert_str(
        printed(&style, "[\"a\", 1.0, true, {\"b\": null}]"),
        STR("->  w1@h1: OK\n    * a\n    * 1.0\n    * True\n    * {'b': None}\n"));
    assert_str(printed(&style, "{\"b\": [], \"a\": {}, \"\\u00e4\": [1, \"\\u00e4\"]}"),
               STR("->  w1@h1: OK\n    {\n        \"a\": {},\n        \"b\": [],\n"
                   "        \"\\u00e4\": [\n            1,\n            \"\\u00e4\"\n"
                   "        ]\n    }\n"));
    assert_str(printed(&(struct reply_style){.quiet = true}, "{\"ok\": \"pong\"}"),
               STR(" w1@h1: OK\n        pong\n"));
}

static void colors_are_clicks(void **state)
{
    const struct reply_style style = {.colors = true};
    (void)state;
    assert_str(printed(&style, "[1]"),
               STR("\033[37;1m-> \033[0m \033[36;1mw1@h1: \033[0m\033[32;1mOK\033[0m\n"
                   "    \033[37m*\033[0m 1\n"));
}

static void a_reply_cannot_steer_the_terminal(void **state)
{
    const struct reply_style style = {0};
    (void)state;
    assert_str(printed(&style, "\"\\u001b[2J\\u009b1m\\r\\u007f\\ud800 \\u00e4\""),
               STR("->  w1@h1: OK\n    \\x1b[2J\\x9b1m\\x0d\\x7f? \u00e4\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_look_as_celerys),
        cmocka_unit_test(long_replies_look_as_celerys),
        cmocka_unit_test(an_error_is_one),
        cmocka_unit_test(values_look_as_pythons),
        cmocka_unit_test(colors_are_clicks),
        cmocka_unit_test(a_reply_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
