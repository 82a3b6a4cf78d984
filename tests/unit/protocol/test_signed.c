/* SPDX-License-Identifier: Apache-2.0 */
/* Signed bodies: recorded ones, forged ones, torn ones, and our own. */
#include "../../../protocol/base64.h"
#include "../../../protocol/signed.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_S 1795357496 /* 2026 */
#define YEAR_2200_S 7258118400

static struct arena arena;
static struct signers *signers; /* who believe alice */
static char wrong[SIGNED_WHY_MAX];

static struct str file(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "signed/%s", name);
    return golden_read(path);
}

static bool add(struct signers *s, const char *name)
{
    struct str pem = file(name);
    bool ok = signers_add(s, pem, NOW_S, wrong);

    free((char *)pem.p);
    return ok;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 22);
    signers = signers_create("sha256", wrong);
    return signers && add(signers, "alice.pem") ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    signers_destroy(signers);
    return 0;
}

#define BODY                                                                           \
    "[[2, 3], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": null, "         \
    "\"chord\": null}]"

static void opens(const struct signers *s, struct str bytes)
{
    struct serializer_signed opened;
    const char *why = "";

    if (!signed_open(s, &arena, bytes, NOW_S, &opened, &why))
        fail_msg("refused: %s", why);
    assert_str(opened.content_type, STR("application/json"));
    assert_str(opened.content_encoding, STR("utf-8"));
    assert_str(opened.body, STR(BODY));
}

static void refuses(struct str bytes, int64_t now_s, const char *expected)
{
    struct serializer_signed opened;
    const char *why = "";
    struct str exact = boxed(bytes);

    assert_false(signed_open(signers, &arena, exact, now_s, &opened, &why));
    assert_string_equal(why, expected);
    free((char *)exact.p);
}

static void a_body_that_celery_signed_is_believed(void **state)
{
    struct str body = file("alice_sha256.body.txt");
    (void)state;

    opens(signers, body);
    free((char *)body.p);
}

static void another_digest_is_a_setting(void **state)
{
    struct str body = file("alice_sha512.body.txt");
    struct signers *s = signers_create("sha512", wrong);
    (void)state;

    assert_true(add(s, "alice.pem"));
    opens(s, body);
    refuses(body, NOW_S,
            "Bad signature: 'DE Pr\303\274fstelle alice alice "
            "12345678901234567890'");
    signers_destroy(s);
    free((char *)body.p);
    assert_null(signers_create("rot13", wrong));
    assert_string_equal(wrong, "there is no such digest: 'rot13'");
}

static void a_signer_nobody_knows_is_refused(void **state)
{
    struct str body = file("mallory_sha256.body.txt");
    (void)state;

    refuses(body, NOW_S,
            "Unknown certificate: 'DE Pr\303\274fstelle mallory mallory "
            "12345678901234567891'");
    free((char *)body.p);
}

static void a_certificate_that_has_ended_since_is_refused(void **state)
{
    struct str body = file("alice_sha256.body.txt");
    (void)state;

    refuses(body, YEAR_2200_S,
            "Expired certificate: 'DE Pr\303\274fstelle alice alice "
            "12345678901234567890'");
    free((char *)body.p);
}

/* Every byte of what was signed, and of the signature, counts. */
static void a_changed_body_is_refused(void **state)
{
    struct str body = file("alice_sha256.body.txt");
    struct str fields = base64_decode(&arena, body);
    struct wr w;
    (void)state;

    wr_init(&w, (size_t)1 << 20);
    for (size_t i = 0; i < fields.n; i += 3) {
        struct serializer_signed opened;
        const char *why = NULL;
        char *byte = (char *)(uintptr_t)fields.p + i;
        bool is_type = memmem(fields.p, i, "\0\1", 2) && /* types are not signed */
                       i > fields.n - sizeof(BODY) - 30 && i < fields.n - sizeof(BODY);
        *byte ^= 0x10;
        wr_reset(&w);
        base64_encode(&w, fields);
        *byte ^= 0x10;
        if (!is_type)
            assert_false(
                signed_open(signers, &arena, wr_str(&w), NOW_S, &opened, &why));
        arena_reset(&arena);
        fields = base64_decode(&arena, body);
    }
    wr_finish(&w);
    free((char *)body.p);
}

static void a_torn_body_is_refused(void **state)
{
    struct str body = file("alice_sha256.body.txt");
    (void)state;

    for (size_t n = 0; n < body.n; n++) {
        struct serializer_signed opened;
        const char *why = NULL;
        struct str torn = boxed((struct str){body.p, n});
        assert_false(signed_open(signers, &arena, torn, NOW_S, &opened, &why));
        assert_non_null(why);
        free((char *)torn.p);
        arena_reset(&arena);
    }
    refuses(STR(""), NOW_S, "it is not signed");
    refuses(STR("W1sxLCAyXSwge30sIHt9XQ=="), NOW_S, "it is not signed");
    free((char *)body.p);
}

static void without_memory_it_is_nobodys_fault(void **state)
{
    struct str body = file("alice_sha256.body.txt");
    struct serializer_signed opened;
    const char *why = "unset";
    struct arena small;
    (void)state;

    arena_init(&small, 100);
    assert_false(signed_open(signers, &small, body, NOW_S, &opened, &why));
    assert_null(why);
    arena_finish(&small);
    free((char *)body.p);
}

static void certificates_that_celery_refuses_are_refused(void **state)
{
    (void)state;
    assert_false(add(signers, "expired.pem"));
    assert_string_equal(wrong,
                        "Expired certificate: 'DE Pr\303\274fstelle alice alice 7'");
    assert_false(add(signers, "curve.pem"));
    assert_non_null(strstr(wrong, "Non-RSA certificates are not supported"));
    assert_false(add(signers, "alice.pem"));
    assert_non_null(strstr(wrong, "Duplicate certificate"));
    assert_false(add(signers, "alice.key"));
    assert_string_equal(wrong, "Invalid certificate");
}

static bool set_key(const char *key, const char *password, const char *certificate)
{
    struct str key_pem = file(key), certificate_pem = file(certificate);
    bool ok = signers_set_key(signers, key_pem, password, certificate_pem, wrong);

    free((char *)key_pem.p);
    free((char *)certificate_pem.p);
    return ok;
}

static void what_this_worker_signs_is_believed(void **state)
{
    const struct serializer_signed plain = {STR("application/json"), STR("utf-8"),
                                            STR(BODY)};
    struct wr w;
    (void)state;

    wr_init(&w, (size_t)1 << 20);
    assert_false(signed_make(signers, &w, &plain)); /* without a key */
    assert_false(set_key("curve.key", NULL, "alice.pem"));
    assert_string_equal(wrong, "Non-RSA keys are not supported");
    assert_false(set_key("alice_encrypted.key", NULL, "alice.pem"));
    assert_false(set_key("alice_encrypted.key", "guess", "alice.pem"));
    assert_string_equal(wrong, "Invalid private key, or its password is wrong");
    assert_true(set_key("alice_encrypted.key", "secret", "alice.pem"));
    assert_true(signed_make(signers, &w, &plain));
    opens(signers, wr_str(&w));
    wr_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_celery_signed_is_believed),
        cmocka_unit_test(another_digest_is_a_setting),
        cmocka_unit_test(a_signer_nobody_knows_is_refused),
        cmocka_unit_test(a_certificate_that_has_ended_since_is_refused),
        cmocka_unit_test(a_changed_body_is_refused),
        cmocka_unit_test(a_torn_body_is_refused),
        cmocka_unit_test(without_memory_it_is_nobodys_fault),
        cmocka_unit_test(certificates_that_celery_refuses_are_refused),
        cmocka_unit_test(what_this_worker_signs_is_believed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
