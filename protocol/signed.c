/* SPDX-License-Identifier: Apache-2.0 */
/* signed - who may sign, and his word over a body. */
#include "signed.h"
#include "base64.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIGNERS_MAX 4096
#define SIGNER_SHOWN "%.100s"

struct signer {
    char *id; /* "issuer serial" */
    X509 *certificate;
    struct signer *next;
};

struct signers {
    const EVP_MD *digest;
    struct signer *first;
    size_t n;
    EVP_PKEY *key; /* this worker's own, or NULL */
    char *key_id;
};

static bool complain(char why[SIGNED_WHY_MAX], const char *what, const char *id)
{
    snprintf(why, SIGNED_WHY_MAX, id ? "%s: '" SIGNER_SHOWN "'" : "%s", what, id);
    for (char *p = why; *p; p++) /* it goes into a log line */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    ERR_clear_error();
    return false;
}

struct signers *signers_create(const char *digest, char why[SIGNED_WHY_MAX])
{
    struct signers *s = calloc(1, sizeof(*s));

    if (s && (s->digest = EVP_get_digestbyname(digest)))
        return s;
    complain(why, s ? "there is no such digest" : "out of memory", s ? digest : NULL);
    free(s);
    return NULL;
}

void signers_destroy(struct signers *s)
{
    struct signer *signer;

    while (s && (signer = s->first)) {
        s->first = signer->next;
        X509_free(signer->certificate);
        free(signer->id);
        free(signer);
    }
    if (s) {
        EVP_PKEY_free(s->key);
        free(s->key_id);
    }
    free(s);
}

/* ---- Certificates ------------------------------------------------------------- */

static X509 *read_certificate(struct str pem)
{
    BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

static void put_issuer(struct wr *w, X509 *certificate)
{
    const X509_NAME *issuer = X509_get_issuer_name(certificate);

    for (int i = 0; i < X509_NAME_entry_count(issuer); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(issuer, i);
        unsigned char *text;
        int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
        if (n < 0)
            continue;
        wr_put(w, (struct str){(const char *)text, (size_t)n});
        wr_text(w, " ");
        OPENSSL_free(text);
    }
}

/* Celery's Certificate.get_id(): the issuer's values and the serial number. */
static char *id_of(X509 *certificate)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = serial ? BN_bn2dec(serial) : NULL;
    struct wr w;

    wr_init(&w, 1 << 16);
    put_issuer(&w, certificate);
    wr_text(&w, digits ? digits : "");
    char *id = digits && !w.bad ? strndup(w.p, w.len) : NULL;
    OPENSSL_free(digits);
    BN_free(serial);
    wr_finish(&w);
    return id;
}

static bool has_expired(const X509 *certificate, int64_t now_s)
{
    time_t now = (time_t)now_s;

    return X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0;
}

static struct signer *find(const struct signers *s, struct str id)
{
    for (struct signer *signer = s->first; signer; signer = signer->next)
        if (str_is(id, signer->id))
            return signer;
    return NULL;
}

static const char *objection(const struct signers *s, X509 *certificate, const char *id,
                             int64_t now_s)
{
    if (!id || s->n >= SIGNERS_MAX)
        return "too many certificates, or no memory";
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) /* NULL: it cannot be read */
        return "Non-RSA certificates are not supported";
    if (has_expired(certificate, now_s))
        return "Expired certificate";
    return find(s, str_of(id)) ? "Duplicate certificate" : NULL;
}

bool signers_add(struct signers *s, struct str pem, int64_t now_s,
                 char why[SIGNED_WHY_MAX])
{
    X509 *certificate = read_certificate(pem);
    char *id = certificate ? id_of(certificate) : NULL;
    struct signer *signer = calloc(1, sizeof(*signer));
    const char *wrong = !certificate ? "Invalid certificate"
                        : !signer    ? "out of memory"
                                     : objection(s, certificate, id, now_s);

    if (wrong) {
        complain(why, wrong, id);
        X509_free(certificate);
        free(signer);
        free(id);
        return false;
    }
    *signer = (struct signer){.id = id, .certificate = certificate, .next = s->first};
    s->first = signer;
    s->n++;
    return true;
}

static EVP_PKEY *read_key(struct str pem, const char *password)
{
    BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    /* Without a password an encrypted key must not ask for one on the terminal. */
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL,
                                      (void *)(uintptr_t)(password ? password : ""))
            : NULL;

    BIO_free(bio);
    return key;
}

bool signers_set_key(struct signers *s, struct str key_pem, const char *password,
                     struct str certificate_pem, char why[SIGNED_WHY_MAX])
{
    X509 *certificate = read_certificate(certificate_pem);
    EVP_PKEY *key = read_key(key_pem, password);
    const char *wrong = !certificate ? "Invalid certificate"
                        : !key       ? "Invalid private key, or its password is wrong"
                        : EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA
                            ? "Non-RSA keys are not supported"
                            : NULL;

    if (!wrong && !(s->key_id = id_of(certificate)))
        wrong = "out of memory";
    X509_free(certificate);
    if (wrong) {
        EVP_PKEY_free(key);
        return complain(why, wrong, NULL);
    }
    s->key = key;
    return true;
}

/* ---- Signatures --------------------------------------------------------------- */

static bool set_padding(EVP_PKEY_CTX *ctx, const EVP_MD *digest)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_MAX) > 0;
}

static bool verify(const struct signers *s, const struct signer *signer,
                   struct str signature, struct str body)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx; /* md's own */
    bool ok = md &&
              EVP_DigestVerifyInit(md, &ctx, s->digest, NULL,
                                   X509_get0_pubkey(signer->certificate)) > 0 &&
              set_padding(ctx, s->digest) &&
              EVP_DigestVerify(md, (const unsigned char *)signature.p, signature.n,
                               (const unsigned char *)body.p, body.n) == 1;

    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return ok;
}

/* Up to the separator; what is left stays in *rest. False if there is none. */
static bool cut(struct str *rest, struct str *field)
{
    const char *sep = rest->n ? memmem(rest->p, rest->n, "\0\1", 2) : NULL;

    if (!sep)
        return false;
    *field = (struct str){rest->p, (size_t)(sep - rest->p)};
    rest->n -= field->n + 2;
    rest->p = sep + 2;
    return true;
}

struct fields {
    struct str signer, signature, content_type, content_encoding, body;
};

static bool take_apart(struct arena *a, struct str bytes, struct fields *f)
{
    struct str rest = base64_decode(a, bytes);

    if (!rest.p || !cut(&rest, &f->signer) || !cut(&rest, &f->signature) ||
        !cut(&rest, &f->content_type) || !cut(&rest, &f->content_encoding))
        return false;
    f->body = rest;
    f->signer = base64_decode(a, f->signer);
    f->signature = base64_decode(a, f->signature);
    return f->signer.p && f->signature.p;
}

bool signed_open(const struct signers *s, struct arena *a, struct str bytes,
                 int64_t now_s, struct serializer_signed *opened, const char **why)
{
    char line[SIGNED_WHY_MAX] = "";
    const struct signer *signer;
    struct fields f;

    if (!take_apart(a, bytes, &f))
        complain(line, "it is not signed", NULL);
    else if (!(signer = find(s, f.signer)))
        complain(line, "Unknown certificate", arena_copy(a, f.signer).p);
    else if (has_expired(signer->certificate, now_s))
        complain(line, "Expired certificate", signer->id);
    else if (!verify(s, signer, f.signature, f.body))
        complain(line, "Bad signature", signer->id);
    if (!line[0]) {
        *opened =
            (struct serializer_signed){f.content_type, f.content_encoding, f.body};
        return true;
    }
    *why = a->failed ? NULL : arena_strdup(a, line);
    return false;
}

/* In memory of its own; .p is NULL if it failed. */
static struct str sign(const struct signers *s, struct str body)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx;
    size_t n = (size_t)EVP_PKEY_get_size(s->key);
    unsigned char *signature = malloc(n);
    bool ok =
        md && signature && EVP_DigestSignInit(md, &ctx, s->digest, NULL, s->key) > 0 &&
        set_padding(ctx, s->digest) &&
        EVP_DigestSign(md, signature, &n, (const unsigned char *)body.p, body.n) > 0;

    EVP_MD_CTX_free(md);
    ERR_clear_error();
    if (!ok) {
        free(signature);
        return (struct str){NULL, 0};
    }
    return (struct str){(char *)signature, n};
}

static const struct str separator = {"\0\1", 2};

bool signed_make(const struct signers *s, struct wr *w,
                 const struct serializer_signed *plain)
{
    struct str signature = s->key ? sign(s, plain->body) : (struct str){NULL, 0};
    struct wr fields;

    if (!signature.p)
        return false;
    wr_init(&fields, w->max);
    base64_encode(&fields, str_of(s->key_id));
    wr_put(&fields, separator);
    base64_encode(&fields, signature);
    wr_put(&fields, separator);
    wr_put(&fields, plain->content_type);
    wr_put(&fields, separator);
    wr_put(&fields, plain->content_encoding);
    wr_put(&fields, separator);
    wr_put(&fields, plain->body);
    free((char *)(uintptr_t)signature.p);
    if (fields.bad)
        w->bad = true;
    else
        base64_encode(w, wr_str(&fields));
    wr_finish(&fields);
    return !w->bad;
}
