/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: bodies by the names of settings, and the settings of signatures. */
#include "../../../protocol/unpack.h"
#include "../../../src/serializers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BODY "[[2, 3], {}, {\"callbacks\": null}]"

static struct serializers serializers;
static struct arena arena;
static struct serializers_body body;

static int set_up(void **state)
{
    (void)state;
    serializers_init(&serializers);
    arena_init(&arena, (size_t)1 << 20);
    wr_init(&body.bytes, (size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    serializers_finish(&serializers);
    arena_finish(&arena);
    wr_finish(&body.bytes);
    return 0;
}

static const char *refusal(const char *serializer, const char *compression)
{
    const char *why = NULL;

    assert_false(serializers_encode(&serializers, &arena, STR(BODY), serializer,
                                    compression, &body, &why));
    return why;
}

static void encoded(const char *serializer, const char *compression)
{
    const char *why = "";

    if (!serializers_encode(&serializers, &arena, STR(BODY), serializer, compression,
                            &body, &why))
        fail_msg("%s", why);
}

static void json_goes_out_as_it_is(void **state)
{
    (void)state;
    encoded(NULL, NULL);
    assert_true(str_is(wr_str(&body.bytes), BODY));
    assert_string_equal(body.content_type, "application/json");
    assert_string_equal(body.content_encoding, "utf-8");
    assert_null(body.compression);
}

static void msgpack_is_written_anew(void **state)
{
    (void)state;
    encoded("msgpack", NULL);
    assert_true(str_is(wr_str(&body.bytes), "\x93\x92\x02\x03\x80\x81\xa9"
                                            "callbacks\xc0"));
    assert_string_equal(body.content_type, "application/x-msgpack");
    assert_string_equal(body.content_encoding, "binary");
}

static void a_compressed_body_is_named_by_its_type(void **state)
{
    struct wr plain;
    (void)state;

    encoded("json", "gzip");
    assert_string_equal(body.compression, "application/x-gzip");
    wr_init(&plain, 1000);
    assert_int_equal(unpack(&plain, str_of(body.compression), wr_str(&body.bytes)),
                     UNPACK_OK);
    assert_true(str_is(wr_str(&plain), BODY));
    wr_finish(&plain);
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    assert_string_equal(refusal("rot13", NULL), "there is no such serializer");
    assert_string_equal(refusal("pickle", NULL), "there is no such serializer");
    assert_string_equal(refusal("auth", NULL),
                        "there is no security_key to sign with, or it is too large");
    assert_string_equal(refusal("json", "rot13"),
                        "there is no such compression, or it is too large");
}

static void security_comes_back_as_it_was(void **state)
{
    const struct security s = {.key = (char *)(uintptr_t) "/key",
                               .cert_store = (char *)(uintptr_t) "/store",
                               .digest = (char *)(uintptr_t) "sha512"};
    struct security back;
    struct wr w;
    (void)state;

    wr_init(&w, 1000);
    security_write(&w, &s);
    assert_true(security_read(&arena, wr_str(&w), &back));
    assert_string_equal(back.key, "/key");
    assert_string_equal(back.cert_store, "/store");
    assert_string_equal(back.digest, "sha512");
    assert_true(!back.certificate || !*back.certificate);
    for (size_t n = 0; n < w.len; n++)
        assert_false(security_read(&arena, (struct str){w.p, n}, &back));
    wr_finish(&w);
}

static void without_a_store_there_is_no_security(void **state)
{
    const struct security s = {.key = (char *)(uintptr_t) "/key"};
    struct wr w;
    (void)state;

    wr_init(&w, 1000);
    security_write(&w, &s);
    assert_int_equal(w.len, 0);
    wr_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_goes_out_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(msgpack_is_written_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_compressed_body_is_named_by_its_type, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(security_comes_back_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_store_there_is_no_security, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
