/* SPDX-License-Identifier: Apache-2.0 */
/* Sending: every message that a real producer was recorded with, written again byte for
 * byte, and the few things that no recording shows. */
#include "../../../protocol/message.h"
#include "../../../protocol/message_send.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct arena arena;
static struct wr out;
static int rewritten;

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

/* ---- Recorded ----------------------------------------------------------------- */

static enum message_ignore ignore_of(const struct message *m)
{
    return !m->has_ignore_result ? MESSAGE_IGNORE_NULL
           : m->ignore_result    ? MESSAGE_IGNORE_TRUE
                                 : MESSAGE_IGNORE_FALSE;
}

/* Headers that Celery does not make of its options. */
static const ptl_value *own_headers(const ptl_value *headers)
{
    static const char *const made[] = {
        "lang",
        "task",
        "id",
        "shadow",
        "eta",
        "expires",
        "group",
        "group_index",
        "retries",
        "timelimit",
        "root_id",
        "parent_id",
        "argsrepr",
        "kwargsrepr",
        "origin",
        "stamps",
        "compression",
        "ignore_result",
        "stamped_headers",
        "replaced_task_nesting",
    };
    ptl_value *own = value_map(&arena, 4);

    for (size_t i = 0; i < value_len(headers); i++) {
        const struct value_pair *pair = &headers->u.map.pairs[i];
        bool is_own = true;

        for (size_t k = 0; k < sizeof(made) / sizeof(made[0]); k++)
            is_own &= !str_is(pair->key, made[k]);
        if (is_own)
            assert_true(value_map_set(&arena, own, pair->key, pair->value));
    }
    return own;
}

static struct message_send inputs_of(const struct envelope *e, const struct message *m)
{
    const ptl_value *properties = e->properties;
    struct str expiration = value_as_str(value_get(properties, "expiration"));
    struct message_send s = {
        .task = m->task,
        .id = m->id,
        .shadow = m->shadow,
        .group = m->group,
        .root_id = m->root_id,
        .parent_id = m->parent_id,
        .argsrepr = m->argsrepr,
        .kwargsrepr = m->kwargsrepr,
        .origin = m->origin,
        .reply_to = e->reply_to,
        .eta = value_as_str(value_get(m->headers, "eta")),
        .expires = value_as_str(value_get(m->headers, "expires")),
        .has_expiration = expiration.p != NULL,
        .group_index = m->group_index,
        .retries = m->retries,
        .priority = e->priority,
        .delivery_mode = value_as_int(value_get(properties, "delivery_mode"), 2),
        .nesting = value_as_int(value_get(m->headers, "replaced_task_nesting"), 0),
        .hard_limit = value_at(value_get(m->headers, "timelimit"), 0),
        .soft_limit = value_at(value_get(m->headers, "timelimit"), 1),
        .stamped_headers = value_get(m->headers, "stamped_headers"),
        .stamps = value_get(m->headers, "stamps"),
        .properties = properties,
        .ignore_result = ignore_of(m),
        .headers = own_headers(m->headers),
        .body = envelope_body(&arena, e),
        .content_type = e->content_type,
        .content_encoding = e->content_encoding,
        .compression = m->compression,
        .exchange = e->exchange,
        .routing_key = e->routing_key,
        .delivery_tag = e->delivery_tag,
    };

    if (expiration.p)
        s.expiration_ms = atoll(arena_copy(&arena, expiration).p);
    return s;
}

static void rewrite(const char *name, struct str line)
{
    struct envelope e;
    struct message m;
    const char *why;

    arena_reset(&arena);
    if (!line.n || strstr(name, "protocol1"))
        return;
    assert_true(envelope_read(&arena, line, &e, &why));
    if (message_read(&arena, &e, &m, &why) != MESSAGE_OK)
        return;
    struct message_send s = inputs_of(&e, &m);
    wr_reset(&out);
    message_write(&out, &s);
    wr_u8(&out, 0);
    if (strlen(out.p) != line.n || memcmp(out.p, line.p, line.n) != 0)
        fail_msg("%s:\n%s\nis not\n" STR_FMT, name, out.p, STR_ARG(line));
    rewritten++;
}

static void recorded_messages_are_written_again_byte_for_byte(void **state)
{
    (void)state;
    golden_each("messages", ".json", rewrite);
    golden_each("messages", ".jsonl", rewrite);
    assert_true(rewritten > 50);
}

/* ---- Not recorded ------------------------------------------------------------- */

static struct message_send plain(void)
{
    return (struct message_send){.task = STR("t"),
                                 .id = STR("i"),
                                 .group_index = -1,
                                 .delivery_mode = 2,
                                 .body = STR("[]"),
                                 .content_type = STR("application/json"),
                                 .content_encoding = STR("utf-8"),
                                 .routing_key = STR("q")};
}

static void shows(const struct message_send *m, const char *part)
{
    wr_reset(&out);
    message_write(&out, m);
    wr_u8(&out, 0);
    if (!strstr(out.p, part))
        fail_msg("%s lacks %s", out.p, part);
}

static void what_expired_already_has_an_expiration_of_zero(void **state)
{
    struct message_send m = plain();

    (void)state;
    m.has_expiration = true;
    shows(&m, "\"expiration\": \"0\"");
}

static void limits_are_ints_or_floats_as_they_were_given(void **state)
{
    struct message_send m = plain();

    (void)state;
    m.hard_limit = value_int(&arena, 10);
    m.soft_limit = value_float(&arena, 2.5);
    shows(&m, "\"timelimit\": [10, 2.5]");
}

static void a_header_of_ones_own_takes_the_place_of_celerys(void **state)
{
    struct message_send m = plain();
    ptl_value *own = value_map(&arena, 2);

    (void)state;
    value_map_set(&arena, own, STR("lang"), value_text(&arena, "c"));
    value_map_set(&arena, own, STR("mine"), value_int(&arena, 1));
    m.headers = own;
    shows(&m, "\"headers\": {\"lang\": \"c\", \"task\": \"t\"");
    shows(&m, "\"stamps\": {}, \"mine\": 1}");
}

static void a_message_beyond_the_limit_is_none(void **state)
{
    struct message_send m = plain();
    struct wr small;

    (void)state;
    for (size_t max = 0; max < 500; max += 5) {
        wr_init(&small, max);
        message_write(&small, &m);
        assert_true(small.bad);
        wr_finish(&small);
    }
}

static void a_body_has_python_s_four_nulls(void **state)
{
    (void)state;
    wr_reset(&out);
    message_write_body(&out, NULL, NULL, NULL);
    wr_u8(&out, 0);
    assert_string_equal(out.p, "[[], {}, {\"callbacks\": null, \"errbacks\": null, "
                               "\"chain\": null, \"chord\": null}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_messages_are_written_again_byte_for_byte),
        cmocka_unit_test(what_expired_already_has_an_expiration_of_zero),
        cmocka_unit_test(limits_are_ints_or_floats_as_they_were_given),
        cmocka_unit_test(a_header_of_ones_own_takes_the_place_of_celerys),
        cmocka_unit_test(a_message_beyond_the_limit_is_none),
        cmocka_unit_test(a_body_has_python_s_four_nulls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
