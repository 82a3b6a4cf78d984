/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory: each way through the codecs runs with its allocation 0, 1, 2 …
 * failing, until it passes. None may crash, leak, or claim success. */
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../../../protocol/msgpack.h"
#include "../../../protocol/pyrepr.h"
#include "../../../protocol/result.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_calloc(size_t n, size_t size);

static int calls_left = -1; /* until one fails; below zero, none does */
static bool has_failed;

static bool fails_now(void)
{
    if (calls_left < 0 || calls_left-- > 0)
        return false;
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

/* `way` returns false if it had to give up. */
static void fail_until_it_passes(bool (*way)(struct arena *a, struct wr *w,
                                             struct str s),
                                 struct str text)
{
    for (int call = 0;; call++) {
        struct arena arena;
        struct wr out;

        arena_init(&arena, (size_t)1 << 24);
        wr_init(&out, (size_t)1 << 24);
        calls_left = call;
        has_failed = false;
        bool passed = way(&arena, &out, text);
        calls_left = -1;
        arena_finish(&arena);
        wr_finish(&out);
        assert_int_equal(passed, !has_failed);
        if (!has_failed) {
            assert_true(call > 1); /* or nothing was tried */
            return;
        }
    }
}

static bool read_and_write_json(struct arena *a, struct wr *w, struct str text)
{
    struct json_error e = {0};
    const ptl_value *v =
        json_read(a, text, JSON_COPY_STRINGS | JSON_KOMBU_TYPES, NULL, &e);

    if (!v) {
        assert_true(e.out_of_memory);
        return false;
    }
    json_write(w, v);
    pyrepr(w, v);
    pyrepr_cut(w, v, 100);
    return !w->bad;
}

static bool mark(struct arena *a, struct wr *w, struct str text)
{
    return envelope_mark_redelivered(a, text, w);
}

static bool retry(struct arena *a, struct wr *w, struct str text)
{
    struct envelope e;
    struct message m;
    const char *why = NULL;

    if (!envelope_read(a, text, &e, &why)) {
        assert_string_equal(why, "larger than a message may be");
        return false;
    }
    assert_int_equal(message_read(a, &e, &m, &why), MESSAGE_OK);
    message_write_retry(w, a, &e, &m,
                        &(struct message_retry){.eta_us = 1,
                                                .delivery_tag = "tag",
                                                .origin = "me",
                                                .now_us = 1});
    return !w->bad;
}

static bool read_body(struct arena *a, struct wr *w, struct str text)
{
    static const char *const accept[] = {"json", NULL};
    static const struct content_rules rules = {accept, 100000, NULL};
    struct envelope e;
    struct message m;
    struct message_body b;
    const char *why = NULL;

    if (!envelope_read(a, text, &e, &why))
        return false;
    assert_int_equal(message_read(a, &e, &m, &why), MESSAGE_OK);
    enum message_fault fault = message_read_body(a, &e, &m, &rules, &b, &why);
    assert_non_null(why ? why : "");
    assert_true(fault == MESSAGE_OK || fault == MESSAGE_OUT_OF_MEMORY);
    wr_text(w, "read");
    return fault == MESSAGE_OK && !w->bad;
}

/* A child's way with a message of version 1: headers, envelope, and a retry of it. */
static bool complete(struct arena *a, struct wr *w, struct str text)
{
    static const char *const accept[] = {"json", NULL};
    static const struct content_rules rules = {accept, 100000, NULL};
    const struct message_retry r = {.eta_us = 1, .delivery_tag = "tag"};
    struct message_retry with_body = r;
    const ptl_value *headers;
    struct envelope e;
    struct message m;
    struct message_body b;
    const char *why = NULL;

    if (!envelope_read(a, text, &e, &why))
        return false;
    message_read(a, &e, &m, &why);
    if (message_read_body(a, &e, &m, &rules, &b, &why) != MESSAGE_OK ||
        !message_complete_headers(a, &e, &b, &headers))
        return false;
    if (!envelope_write_headers(w, a, &e, headers))
        return false;
    with_body.body = &b;
    message_write_retry(w, a, &e, &m, &with_body);
    return !w->bad;
}

/* JSON to msgpack and back. */
static bool through_msgpack(struct arena *a, struct wr *w, struct str text)
{
    const ptl_value *v = json_read(a, text, JSON_KOMBU_TYPES, NULL, NULL);
    struct serializer_error e = {.out_of_memory = false};

    if (!v || !msgpack_write(w, v))
        return false;
    v = msgpack_read(a, wr_str(w), &e);
    assert_true(v || e.out_of_memory);
    return v != NULL;
}

static bool refuse_header(struct arena *a, struct wr *w, struct str text)
{
    struct envelope e;
    struct message m;
    const char *why = NULL;

    if (!envelope_read(a, text, &e, &why))
        return false;
    enum message_fault fault = message_read(a, &e, &m, &why);
    assert_non_null(why);
    assert_true(fault == MESSAGE_BAD_FIELD || fault == MESSAGE_OUT_OF_MEMORY);
    wr_text(w, why);
    return fault == MESSAGE_BAD_FIELD && !w->bad;
}

static bool write_result(struct arena *a, struct wr *w, struct str text)
{
    const ptl_value *meta = json_read(a, text, 0, NULL, NULL);
    struct result r = {.status = "SUCCESS", .value = meta, .task_id = STR("i")};

    if (!meta)
        return false;
    result_write(w, &r);
    return !w->bad && result_read_status(a, wr_str(w)).n > 0;
}

/* A list long enough to need several blocks of the arena, and a large map. */
static struct str large_document(void)
{
    struct wr w;

    wr_init(&w, (size_t)1 << 20);
    wr_text(&w, "[");
    for (int i = 0; i < 1000; i++)
        wr_printf(&w, "\"\\u00e5 %d\", 1.5, ", i);
    wr_text(&w, "{\"__type__\": \"base64\", \"__value__\": \"/w==\"}, {");
    for (int i = 0; i < 500; i++)
        wr_printf(&w, "%s\"%d\": %d", i ? ", " : "", i, i);
    wr_text(&w, "}]");
    struct str text = boxed(wr_str(&w));
    wr_finish(&w);
    return text;
}

static void along(bool (*way)(struct arena *a, struct wr *w, struct str s),
                  const char *path)
{
    struct str text = golden_line(path, 0);

    fail_until_it_passes(way, text);
    free((char *)text.p);
}

static void reading_and_writing_json_survives_every_failed_allocation(void **state)
{
    struct str large = large_document();
    (void)state;

    fail_until_it_passes(read_and_write_json, large);
    free((char *)large.p);
    along(read_and_write_json, "messages/stamped.json");
}

static void restoring_an_envelope_survives_every_failed_allocation(void **state)
{
    (void)state;
    along(mark, "messages/headers.json");
}

static void retrying_survives_every_failed_allocation(void **state)
{
    (void)state;
    along(retry, "redis/retry_noexc_success.jsonl");
}

static void reading_bodies_survives_every_failed_allocation(void **state)
{
    (void)state;
    along(read_body, "messages/delay_types.json");
    along(read_body, "messages/compress_bzip2.json");
    along(read_body, "messages/compress_zlib.json");
}

static void reading_version_1_survives_every_failed_allocation(void **state)
{
    (void)state;
    along(complete, "messages/protocol1_full.json");
}

static void msgpack_survives_every_failed_allocation(void **state)
{
    struct str large = large_document();
    (void)state;

    fail_until_it_passes(through_msgpack, large);
    free((char *)large.p);
}

static void refusing_a_header_survives_every_failed_allocation(void **state)
{
    (void)state;
    fail_until_it_passes(refuse_header,
                         STR("{\"body\": \"\", \"headers\": {\"task\": \"t\", \"id\": "
                             "\"i\", \"eta\": \"never\"}}"));
}

static void writing_a_result_survives_every_failed_allocation(void **state)
{
    (void)state;
    along(write_result, "results/failure_unserializable_result.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_writing_json_survives_every_failed_allocation),
        cmocka_unit_test(restoring_an_envelope_survives_every_failed_allocation),
        cmocka_unit_test(retrying_survives_every_failed_allocation),
        cmocka_unit_test(reading_bodies_survives_every_failed_allocation),
        cmocka_unit_test(reading_version_1_survives_every_failed_allocation),
        cmocka_unit_test(msgpack_survives_every_failed_allocation),
        cmocka_unit_test(refusing_a_header_survives_every_failed_allocation),
        cmocka_unit_test(writing_a_result_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
