/* SPDX-License-Identifier: Apache-2.0 */
/* The module that brings OpenSSL: keys and certificates from their files, as Celery's
 * setup_security() reads them. */
#include "../../protocol/signed.h"
#include "module.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PEM_MAX_BYTES ((size_t)1 << 20)

/* What is being read, for the line that says why it cannot be. */
struct reading {
    const char *setting;
    char *why;
};

static bool complain(const struct reading *r, const char *path, const char *what)
{
    snprintf(r->why, SERIALIZERS_WHY_MAX, "cannot use %s %.200s: %s", r->setting, path,
             what);
    return false;
}

/* The whole file. Free .p, which is NULL if it cannot be read. */
static struct str read_file(const struct reading *r, const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(PEM_MAX_BYTES) : NULL;
    size_t n = text ? fread(text, 1, PEM_MAX_BYTES, f) : 0;
    const char *wrong = !text || ferror(f)   ? strerror(errno)
                        : n == PEM_MAX_BYTES ? "it is larger than 1 MB"
                                             : NULL;

    if (f)
        fclose(f);
    if (!wrong)
        return (struct str){text, n};
    complain(r, path, wrong);
    free(text);
    return (struct str){NULL, 0};
}

static bool add_certificate(struct signers *s, const struct reading *r,
                            const char *path)
{
    char wrong[SIGNED_WHY_MAX];
    struct str pem = read_file(r, path);
    bool ok =
        pem.p && (signers_add(s, pem, time(NULL), wrong) || complain(r, path, wrong));

    free((char *)(uintptr_t)pem.p);
    return ok;
}

/* Every file of a folder, or every path that a pattern matches. */
static bool add_store(struct signers *s, const char *store, char *why)
{
    struct reading r = {"security_cert_store", why};
    char pattern[4096];
    struct stat st;
    glob_t paths;
    bool ok = true;
    bool folder = stat(store, &st) == 0 && S_ISDIR(st.st_mode);

    snprintf(pattern, sizeof(pattern), folder ? "%s/*" : "%s", store);
    if (glob(pattern, 0, NULL, &paths) != 0)
        ok = complain(&r, store, "there is no certificate");
    for (size_t i = 0; ok && i < paths.gl_pathc; i++)
        ok = add_certificate(s, &r, paths.gl_pathv[i]);
    globfree(&paths);
    return ok;
}

static bool is_given(const char *setting)
{
    return setting && *setting;
}

static bool set_key(struct signers *s, const struct security *c, char *why)
{
    struct reading key = {"security_key", why}, own = {"security_certificate", why};
    struct str key_pem = read_file(&key, c->key), own_pem = {NULL, 0};
    char wrong[SIGNED_WHY_MAX];
    bool ok = key_pem.p && (own_pem = read_file(&own, c->certificate)).p;

    if (ok &&
        !signers_set_key(s, key_pem, is_given(c->key_password) ? c->key_password : NULL,
                         own_pem, wrong))
        ok = complain(&key, c->key, wrong);
    if (key_pem.p)
        explicit_bzero((char *)(uintptr_t)key_pem.p, key_pem.n);
    free((char *)(uintptr_t)key_pem.p);
    free((char *)(uintptr_t)own_pem.p);
    return ok;
}

static void finish(void *state)
{
    signers_destroy(state);
}

static void *start(const struct security *c, char why[SERIALIZERS_WHY_MAX])
{
    char wrong[SIGNED_WHY_MAX];
    struct signers *s =
        signers_create(is_given(c->digest) ? c->digest : "sha256", wrong);

    if (!s) {
        snprintf(why, SERIALIZERS_WHY_MAX, "cannot use security_digest: %s", wrong);
        return NULL;
    }
    if (add_store(s, c->cert_store, why) &&
        (!is_given(c->key) || !is_given(c->certificate) || set_key(s, c, why)))
        return s;
    finish(s);
    return NULL;
}

static bool open_signed(void *state, struct arena *a, struct str bytes,
                        struct serializer_signed *opened, const char **why)
{
    return signed_open(state, a, bytes, time(NULL), opened, why);
}

static bool sign(void *state, struct wr *w, const struct serializer_signed *plain)
{
    return signed_make(state, w, plain);
}

static const struct serializer_auth auth = {.start = start,
                                            .finish = finish,
                                            .open = open_signed,
                                            .sign = sign};

const struct serializer_module petiole_serializer_module = {
    .version = PTL_VERSION,
    .auth = &auth,
};
