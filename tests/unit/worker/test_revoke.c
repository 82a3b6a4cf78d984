/* SPDX-License-Identifier: Apache-2.0 */
/* The revoked ids and stamps: bounded, the oldest make room, and quick to ask. */
#include "../../../protocol/json.h"
#include "../../../src/request/revoke.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static struct str number(int n)
{
    static char text[64];
    return (struct str){text, (size_t)snprintf(text, sizeof(text), "task-%d", n)};
}

static void the_oldest_make_room_when_the_set_is_full(void **state)
{
    struct limited s;
    (void)state;
    limited_init(&s, 3, 0);
    for (int i = 0; i < 3; i++)
        assert_true(limited_add(&s, number(i), i));
    assert_true(limited_add(&s, number(0), 3)); /* the newest again */
    assert_true(limited_add(&s, number(3), 4));
    assert_int_equal(s.n, 3);
    assert_int_equal(s.pushed_out, 1);
    assert_false(limited_has(&s, number(1)));
    assert_true(limited_has(&s, number(0)));
    assert_true(limited_has(&s, number(2)));
    assert_true(limited_has(&s, number(3)));
    limited_finish(&s);
}

static void what_is_past_its_time_stays_while_there_is_room(void **state)
{
    struct limited s;
    (void)state;
    limited_init(&s, 3, 1000);
    limited_add(&s, number(0), 0);
    limited_add(&s, number(1), 500);
    limited_add(&s, number(2), 5000);
    assert_true(limited_has(&s, number(0)));
    limited_add(&s, number(3), 5000);
    assert_false(limited_has(&s, number(0)));
    assert_false(limited_has(&s, number(1)));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.pushed_out, 0);
    limited_trim(&s, 7000);
    assert_int_equal(s.n, 0);
    limited_finish(&s);
}

static void what_cannot_be_remembered_is_refused(void **state)
{
    static char text[LIMITED_TEXT_MAX + 1];
    struct limited s;
    (void)state;
    memset(text, 'x', sizeof(text));
    limited_init(&s, 3, 0);
    assert_false(limited_add(&s, STR(""), 0));
    assert_false(limited_add(&s, (struct str){text, sizeof(text)}, 0));
    assert_true(limited_add(&s, (struct str){text, sizeof(text) - 1}, 0));
    assert_false(limited_remove(&s, STR("y")));
    assert_true(limited_remove(&s, (struct str){text, sizeof(text) - 1}));
    limited_finish(&s);
    limited_init(&s, 0, 0);
    assert_false(limited_add(&s, STR("y"), 0));
    assert_false(limited_has(&s, STR("y")));
    limited_finish(&s);
}

static void a_full_set_is_as_large_as_before_after_many_more(void **state)
{
    struct revoke r;
    (void)state;
    revoke_init(&r);
    for (int i = 0; i < 200000; i++)
        assert_true(revoke_id(&r, number(i), i));
    assert_int_equal(r.ids.n, REVOKES_MAX);
    assert_int_equal(r.ids.pushed_out, 150000);
    for (int i = 0; i < 200000; i++)
        assert_true(revoke_has_id(&r, number(i)) == (i >= 150000));
    int order = 150000;
    for (const struct limited_item *item = limited_first(&r.ids); item;
         item = limited_next(&r.ids, item))
        assert_true(str_eq(limited_text(item), number(order++)));
    revoke_finish(&r);
}

static void the_environment_sets_the_sizes(void **state)
{
    struct revoke r;
    (void)state;
    setenv("CELERY_WORKER_REVOKES_MAX", "7", 1);
    setenv("CELERY_WORKER_REVOKE_EXPIRES", "2", 1);
    revoke_init(&r);
    assert_int_equal(r.ids.max, 7);
    assert_int_equal(r.ids.expires_ms, 2000);
    setenv("CELERY_WORKER_REVOKES_MAX", "-7", 1);
    setenv("CELERY_WORKER_REVOKE_EXPIRES", "soon", 1);
    revoke_init(&r);
    assert_int_equal(r.ids.max, REVOKES_MAX);
    assert_int_equal(r.ids.expires_ms, REVOKE_EXPIRES_S * 1000);
    unsetenv("CELERY_WORKER_REVOKES_MAX");
    unsetenv("CELERY_WORKER_REVOKE_EXPIRES");
}

/* ---- stamps -------------------------------------------------------------------- */

static struct arena arena;

static const ptl_value *json(const char *text)
{
    struct json_error e;
    arena_reset(&arena);
    const ptl_value *v = json_read(&arena, str_of(text), 0, NULL, &e);
    assert_non_null(v);
    return v;
}

/* The repr that is logged, "" if the message is not revoked. */
static const char *matched(struct revoke *r, const char *headers, int64_t now_ms)
{
    static char out[256];
    struct wr w;
    wr_init(&w, sizeof(out) - 1);
    bool found = revoke_has_stamp(r, json(headers), now_ms, &w);
    snprintf(out, sizeof(out), "%.*s", found ? (int)w.len : 0, w.p ? w.p : "");
    wr_finish(&w);
    return out;
}

static void a_stamp_revokes_the_messages_that_carry_it(void **state)
{
    struct revoke r;
    (void)state;
    revoke_init(&r);
    const char *mine =
        "{\"stamped_headers\": [\"a\", \"who\"], \"stamps\": {\"who\": \"me\"}}";
    assert_string_equal(matched(&r, mine, 0), "");
    assert_true(revoke_stamp(&r, STR("who"), json("\"me\""), 0));
    assert_true(revoke_stamp(&r, STR("n"), json("7"), 0));
    assert_string_equal(matched(&r, mine, 0), "{'who': 'me'}");
    assert_string_equal(matched(&r,
                                "{\"stamped_headers\": [\"who\"], "
                                "\"stamps\": {\"who\": [\"you\", \"me\"]}}",
                                0),
                        "{'who': 'me'}");
    assert_string_equal(
        matched(&r, "{\"stamped_headers\": [\"n\"], \"stamps\": {\"n\": 7}}", 0),
        "{'n': 7}");
    assert_string_equal(
        matched(&r, "{\"stamped_headers\": [\"n\"], \"stamps\": {\"n\": \"7\"}}", 0),
        "");
    assert_string_equal(matched(&r, "{\"stamps\": {\"who\": \"me\"}}", 0), "");
    assert_string_equal(matched(&r, "{\"stamped_headers\": [\"who\"], \"stamps\": {}}",
                                0),
                        "");
    assert_string_equal(matched(&r, "{\"stamped_headers\": \"who\", \"stamps\": 3}", 0),
                        "");
    revoke_finish(&r);
}

static void a_stamp_does_not_last_for_ever(void **state)
{
    struct revoke r;
    const char *mine =
        "{\"stamped_headers\": [\"who\"], \"stamps\": {\"who\": \"me\"}}";
    (void)state;
    revoke_init(&r);
    revoke_stamp(&r, STR("who"), json("\"me\""), 0);
    assert_string_equal(matched(&r, mine, REVOKE_EXPIRES_S * 1000 - 1),
                        "{'who': 'me'}");
    assert_string_equal(matched(&r, mine, REVOKE_EXPIRES_S * 1000), "");
    for (int i = 0; i < 5000; i++)
        assert_true(revoke_stamp(&r, number(i), json("1"), i));
    assert_int_equal(r.stamps.n, REVOKE_STAMPS_MAX);
    revoke_finish(&r);
}

static void a_stamp_that_is_too_long_is_refused(void **state)
{
    static char text[LIMITED_TEXT_MAX + 3];
    struct revoke r;
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[0] = text[LIMITED_TEXT_MAX + 1] = '"';
    revoke_init(&r);
    assert_false(revoke_stamp(&r, STR("who"), json(text), 0));
    assert_false(revoke_stamp(&r, STR("w\0o"), json("1"), 0));
    assert_false(revoke_stamp(&r, STR(""), json("1"), 0));
    assert_int_equal(r.stamps.n, 0);
    revoke_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_make_room_when_the_set_is_full),
        cmocka_unit_test(what_is_past_its_time_stays_while_there_is_room),
        cmocka_unit_test(what_cannot_be_remembered_is_refused),
        cmocka_unit_test(a_full_set_is_as_large_as_before_after_many_more),
        cmocka_unit_test(the_environment_sets_the_sizes),
        cmocka_unit_test(a_stamp_revokes_the_messages_that_carry_it),
        cmocka_unit_test(a_stamp_does_not_last_for_ever),
        cmocka_unit_test(a_stamp_that_is_too_long_is_refused),
    };
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
