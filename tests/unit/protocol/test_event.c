/* SPDX-License-Identifier: Apache-2.0 */
/* Events: those that Celery sent written again, byte for byte but for the time, and
 * read. */
#include "../../../protocol/event.h"
#include "../../../protocol/json.h"
#include "cmocka_all.h"
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 22);
    wr_init(&out, (size_t)1 << 22);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static const ptl_value *read_body(struct str text)
{
    struct json_error e;
    const ptl_value *v = json_read(&arena, text, 0, &json_default_limits, &e);
    assert_non_null(v);
    return v;
}

/* ---- written again -------------------------------------------------------------- */

static struct str text(const struct event *e, const char *name)
{
    return value_as_str(value_get(e->fields, name));
}

static double number(const ptl_value *v)
{
    return value_kind(v) == PTL_FLOAT ? v->u.d : (double)value_as_int(v, 0);
}

static bool truth(const struct event *e, const char *name)
{
    return value_truth(value_get(e->fields, name));
}

static void write_worker(const struct event *e, const struct event_head *h,
                         const char *type)
{
    const ptl_value *load = value_get(e->fields, "loadavg");
    const struct event_worker w = {
        .freq_s = e->freq_s,
        .active = (uint64_t)value_as_int(value_get(e->fields, "active"), 0),
        .processed = (uint64_t)value_as_int(value_get(e->fields, "processed"), 0),
        .loadavg = {number(value_at(load, 0)), number(value_at(load, 1)),
                    number(value_at(load, 2))},
        .sw_ident = text(e, "sw_ident"),
        .sw_ver = text(e, "sw_ver"),
        .sw_sys = text(e, "sw_sys")};
    event_write_worker(&out, h, type, &w);
}

static void write_task(const struct event *e, const struct event_head *h)
{
    const struct event_task t = {.uuid = e->uuid,
                                 .name = text(e, "name"),
                                 .args = text(e, "args"),
                                 .kwargs = text(e, "kwargs"),
                                 .root_id = text(e, "root_id"),
                                 .parent_id = text(e, "parent_id"),
                                 .eta = text(e, "eta"),
                                 .expires = text(e, "expires"),
                                 .retries =
                                     value_as_int(value_get(e->fields, "retries"), 0),
                                 .queue = text(e, "queue"),
                                 .exchange = text(e, "exchange"),
                                 .routing_key = text(e, "routing_key")};
    (str_is(e->type, "task-sent") ? event_write_sent : event_write_received)(&out, h,
                                                                             &t);
}

static void write_again(const struct event *e, const struct event_head *h)
{
    char type[64];
    snprintf(type, sizeof(type), STR_FMT, STR_ARG(e->type));
    if (str_is(e->group, "worker"))
        write_worker(e, h, type);
    else if (str_is(e->type, "task-sent") || str_is(e->type, "task-received"))
        write_task(e, h);
    else if (str_is(e->type, "task-succeeded"))
        event_write_succeeded(&out, h, e->uuid, text(e, "result"),
                              number(value_get(e->fields, "runtime")));
    else if (str_is(e->type, "task-failed") || str_is(e->type, "task-retried"))
        event_write_raised(&out, h, type, e->uuid, text(e, "exception"),
                           text(e, "traceback"));
    else if (str_is(e->type, "task-revoked"))
        event_write_revoked(&out, h, e->uuid, truth(e, "terminated"),
                            (int)value_as_int(value_get(e->fields, "signum"), 0),
                            truth(e, "expired"));
    else if (str_is(e->type, "task-rejected"))
        event_write_rejected(&out, h, e->uuid, truth(e, "requeue"));
    else
        event_write_other(&out, h, e->type, e->uuid, STR(""));
}

/* Celery's clock has more digits than ours: the times are blanked out. */
static void mask_times(struct str s)
{
    static const char mark[] = "\"timestamp\": ";
    char *p = (char *)(uintptr_t)s.p, *end = p + s.n;
    while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1))) {
        p += sizeof(mark) - 1;
        while (p < end && *p != ',')
            memmove(p, p + 1, (size_t)(end - p - 1)), *--end = ' ';
    }
}

static void assert_same(struct str made, struct str recorded)
{
    mask_times(made);
    mask_times(recorded);
    assert_memory_equal(made.p, recorded.p, made.n < recorded.n ? made.n : recorded.n);
}

static void check_body(const char *name, struct str line)
{
    struct event e;
    struct str copy = boxed(line);
    (void)name;
    arena_reset(&arena);
    wr_reset(&out);
    const ptl_value *body = read_body(line);
    bool many = value_kind(body) == PTL_LIST;
    wr_text(&out, many ? "[" : "");
    for (size_t i = 0; i < event_count(body); i++) {
        assert_true(event_read(body, i, &e));
        const struct event_head h = {e.hostname, e.utcoffset_h, e.pid, e.clock,
                                     llround(e.timestamp_s * 1e6)};
        wr_text(&out, i > 0 ? ", " : "");
        write_again(&e, &h);
    }
    wr_text(&out, many ? "]" : "");
    assert_false(out.bad);
    assert_same(wr_str(&out), copy);
    free((char *)(uintptr_t)copy.p);
}

static void what_celery_sent_is_written_again(void **state)
{
    (void)state;
    assert_true(golden_each("events", ".jsonl", check_body) >= 20);
}

/* ---- the rest ------------------------------------------------------------------- */

static struct str written(void)
{
    assert_false(out.bad);
    return wr_str(&out);
}

static const struct event_head head = {{"w1@h1", 5}, -5.5, 42, 7, 1500000};

static void what_is_not_known_is_null_or_left_out(void **state)
{
    (void)state;
    wr_reset(&out);
    event_write_succeeded(&out, &head, STR("id"), STR("5"), -1);
    assert_true(str_is(written(),
                       "{\"hostname\": \"w1@h1\", \"utcoffset\": -5.5, \"pid\": 42, "
                       "\"clock\": 7, \"uuid\": \"id\", \"result\": \"5\", "
                       "\"runtime\": null, \"timestamp\": 1.5, \"type\": "
                       "\"task-succeeded\"}"));
    wr_reset(&out);
    event_write_raised(&out, &head, "task-failed", STR("id"), STR("NotRegistered('x')"),
                       (struct str){0});
    assert_true(str_is(written(),
                       "{\"hostname\": \"w1@h1\", \"utcoffset\": -5.5, \"pid\": 42, "
                       "\"clock\": 7, \"uuid\": \"id\", \"exception\": "
                       "\"NotRegistered('x')\", \"timestamp\": 1.5, \"type\": "
                       "\"task-failed\"}"));
}

static void fields_of_one_s_own_stand_between(void **state)
{
    (void)state;
    wr_reset(&out);
    event_write_other(&out, &head, STR("task-progress"), STR("id"), STR("\"n\": 1"));
    assert_true(str_is(written(),
                       "{\"hostname\": \"w1@h1\", \"utcoffset\": -5.5, \"pid\": 42, "
                       "\"clock\": 7, \"uuid\": \"id\", \"n\": 1, \"timestamp\": 1.5, "
                       "\"type\": \"task-progress\"}"));
}

static void types_that_are_none_are_not_believed(void **state)
{
    struct event e;
    (void)state;
    arena_reset(&arena);
    const ptl_value *body = read_body(
        STR("[{\"type\": 1}, {}, 7, null, {\"type\": \"odd\", \"clock\": -3, \"pid\": "
            "\"x\", \"timestamp\": Infinity, \"freq\": null, \"hostname\": []}]"));
    assert_int_equal(event_count(body), 5);
    for (size_t i = 0; i < 4; i++)
        assert_false(event_read(body, i, &e));
    assert_true(event_read(body, 4, &e));
    assert_true(str_is(e.group, "odd") && e.clock == 0 && e.pid == 0);
    assert_true(e.timestamp_s == 0 && e.freq_s == 0 && e.hostname.n == 0);
    assert_false(event_read(body, 5, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_celery_sent_is_written_again),
        cmocka_unit_test(what_is_not_known_is_null_or_left_out),
        cmocka_unit_test(fields_of_one_s_own_stand_between),
        cmocka_unit_test(types_that_are_none_are_not_believed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
