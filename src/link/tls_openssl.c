/* SPDX-License-Identifier: Apache-2.0 */
/* tls.so - OpenSSL between two memory BIOs. The only file that includes OpenSSL. */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
};

/* ---- what went wrong ----------------------------------------------------------- */

/* The innermost reason that OpenSSL has queued, for people. */
static const char *queued_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason ? reason : "unknown error";
}

static const char *hint_for(const char *reason)
{
    if (strstr(reason, "wrong version number") || strstr(reason, "packet length"))
        return " (the server does not speak TLS on this port: use redis://, or its TLS "
               "port)";
    if (strstr(reason, "certificate required") || strstr(reason, "bad certificate") ||
        strstr(reason, "handshake failure"))
        return " (the server wants a client certificate: ssl_certfile, ssl_keyfile)";
    if (strstr(reason, "unsupported protocol") || strstr(reason, "protocol version"))
        return " (the server must speak TLS 1.2 or newer)";
    return "";
}

static enum tls_status fail(struct tls *t, struct error *e)
{
    long verdict = SSL_get_verify_result(t->ssl);
    const char *reason = queued_reason();
    if (verdict != X509_V_OK && strstr(reason, "certificate verify failed"))
        error_set(e, EPROTO, "TLS: the server's certificate is refused: %s%s",
                  X509_verify_cert_error_string(verdict),
                  verdict == X509_V_ERR_HOSTNAME_MISMATCH ||
                          verdict == X509_V_ERR_IP_ADDRESS_MISMATCH
                      ? " (it names other hosts than the URL)"
                      : " (name its authority in ssl_ca_certs)");
    else
        error_set(e, EPROTO, "TLS: %s%s", reason, hint_for(reason));
    return TLS_FAILED;
}

static int refuse_file(const char *option, const char *file, struct error *e)
{
    return error_set(e, EINVAL, "TLS: %s '%.200s' cannot be used: %s", option, file,
                     queued_reason());
}

/* ---- making one ---------------------------------------------------------------- */

static int load_authorities(SSL_CTX *c, const struct tls_options *o, struct error *e)
{
    const char *file = o->ca_certs[0] ? o->ca_certs : NULL;
    const char *folder = o->ca_path[0] ? o->ca_path : NULL;
    if (o->verify == TLS_VERIFY_NONE)
        return 0;
    SSL_CTX_set_default_verify_paths(c);
    if ((file && !SSL_CTX_load_verify_file(c, file)) ||
        (folder && !SSL_CTX_load_verify_dir(c, folder)))
        return refuse_file("ssl_ca_certs", file ? file : folder, e);
    return 0;
}

static int give_password(char *out, int size, int writing, void *ctx)
{
    const char *password = ctx;
    int n = (int)strlen(password);
    (void)writing;
    if (n > size)
        return -1;
    memcpy(out, password, (size_t)n);
    return n;
}

static int load_own_certificate(SSL_CTX *c, const struct tls_options *o,
                                struct error *e)
{
    const char *key = o->keyfile[0] ? o->keyfile : o->certfile;
    if (!key[0])
        return 0;
    SSL_CTX_set_default_passwd_cb(c, give_password);
    /* Used below only: the options are not kept. */
    SSL_CTX_set_default_passwd_cb_userdata(c, (void *)(uintptr_t)o->password);
    if (!o->certfile[0] || SSL_CTX_use_certificate_chain_file(c, o->certfile) != 1)
        return refuse_file("ssl_certfile", o->certfile, e);
    if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1)
        return refuse_file("ssl_keyfile", key, e);
    return 0;
}

static int configure(SSL_CTX *c, const struct tls_options *o, struct error *e)
{
    bool verifies = o->verify != TLS_VERIFY_NONE;
    SSL_CTX_set_min_proto_version(c, o->min_version ? (int)o->min_version
                                                    : TLS1_2_VERSION);
    SSL_CTX_set_verify(c, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    if (o->ciphers[0] && !SSL_CTX_set_cipher_list(c, o->ciphers))
        return error_set(e, EINVAL,
                         "TLS: ssl_ciphers names no cipher that OpenSSL has");
    int r = load_authorities(c, o, e);
    return r < 0 ? r : load_own_certificate(c, o, e);
}

/* ---- contexts ------------------------------------------------------------------ */

/* A context costs 10 ms and half a megabyte, and a worker's connections share their
 * options: the last few are kept, until one of their files has changed. */
#define KEPT 4

static struct kept {
    struct tls_options options;
    time_t changed;
    SSL_CTX *context;
} kept[KEPT];

static time_t changed_at(const char *file)
{
    struct stat st;
    return file[0] && stat(file, &st) == 0 ? st.st_mtime : 0;
}

/* Not the newest time: an older file may take a newer one's place. */
static time_t stamp(const struct tls_options *o)
{
    return changed_at(o->ca_certs) + 3 * changed_at(o->ca_path) +
           5 * changed_at(o->certfile) + 7 * changed_at(o->keyfile);
}

static SSL_CTX *find_kept(const struct tls_options *o, time_t changed)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].context && kept[i].changed == changed &&
            memcmp(&kept[i].options, o, sizeof(*o)) == 0) {
            SSL_CTX_up_ref(kept[i].context);
            return kept[i].context;
        }
    return NULL;
}

static void keep(const struct tls_options *o, time_t changed, SSL_CTX *context)
{
    static size_t next;
    struct kept *k = &kept[next++ % KEPT];
    SSL_CTX_free(k->context);
    SSL_CTX_up_ref(context);
    *k = (struct kept){*o, changed, context};
}

/* Counted once more for the caller. NULL with *e. */
static SSL_CTX *context_for(const struct tls_options *o, struct error *e)
{
    time_t changed = stamp(o);
    SSL_CTX *c = find_kept(o, changed);
    if (c)
        return c;
    c = SSL_CTX_new(TLS_client_method());
    if (!c) {
        error_set(e, ENOMEM, "TLS: out of memory");
        return NULL;
    }
    if (configure(c, o, e) < 0) {
        SSL_CTX_free(c);
        return NULL;
    }
    keep(o, changed, c);
    return c;
}

/* A certificate names hosts and addresses in different fields; SNI has no addresses. */
static bool name_server(SSL *ssl, const struct tls_options *o, const char *host)
{
    struct in6_addr address;
    bool is_address = inet_pton(AF_INET, host, &address) == 1 ||
                      inet_pton(AF_INET6, host, &address) == 1;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (!is_address && SSL_set_tlsext_host_name(ssl, host) != 1)
        return false;
    if (o->verify == TLS_VERIFY_NONE || o->check_hostname == SAID_NO)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1
                      : X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

static void destroy(struct tls *t)
{
    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    free(t);
}

static bool attach_bios(struct tls *t)
{
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        return false;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    return true;
}

static struct tls *create(const struct tls_options *o, const char *host,
                          struct error *e)
{
    struct tls *t = calloc(1, sizeof(*t));
    ERR_clear_error();
    if (!t) {
        error_set(e, ENOMEM, "TLS: out of memory");
        return NULL;
    }
    t->context = context_for(o, e);
    if (!t->context) {
        free(t);
        return NULL;
    }
    t->ssl = SSL_new(t->context);
    if (!t->ssl || !attach_bios(t) || !name_server(t->ssl, o, host)) {
        error_set(e, ENOMEM, "TLS: %s", queued_reason());
        destroy(t);
        return NULL;
    }
    return t;
}

/* ---- bytes --------------------------------------------------------------------- */

static bool feed(struct tls *t, const char *bytes, size_t n)
{
    size_t taken;
    return BIO_write_ex(t->in, bytes, n, &taken) == 1 && taken == n;
}

/* What an SSL_ function that did not succeed means. */
static enum tls_status status_of(struct tls *t, int result, enum tls_status waiting,
                                 struct error *e)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return waiting;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail(t, e);
    }
}

static enum tls_status advance(struct tls *t, struct error *e)
{
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    return r == 1 ? TLS_OPEN : status_of(t, r, TLS_HANDSHAKING, e);
}

static enum tls_status read_some(struct tls *t, char *out, size_t size, size_t *n,
                                 struct error *e)
{
    *n = 0;
    ERR_clear_error();
    int r = SSL_read_ex(t->ssl, out, size, n);
    return r == 1 ? TLS_OPEN : status_of(t, r, TLS_OPEN, e);
}

/* A memory BIO takes everything: this never has to wait. */
static enum tls_status write_all(struct tls *t, const char *bytes, size_t n,
                                 struct error *e)
{
    size_t written;
    ERR_clear_error();
    int r = n ? SSL_write_ex(t->ssl, bytes, n, &written) : 1;
    return r == 1 ? TLS_OPEN : fail(t, e);
}

static size_t take(struct tls *t, char *out, size_t size)
{
    size_t n = 0;
    return BIO_pending(t->out) > 0 && BIO_read_ex(t->out, out, size, &n) == 1 ? n : 0;
}

__attribute__((visibility("default"))) extern const struct tls_ops petiole_tls_v1;
const struct tls_ops petiole_tls_v1 = {
    .abi = TLS_ABI,
    .library = OPENSSL_VERSION_TEXT,
    .create = create,
    .destroy = destroy,
    .feed = feed,
    .advance = advance,
    .read = read_some,
    .write = write_all,
    .take = take,
};
