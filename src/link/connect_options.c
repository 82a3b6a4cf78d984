/* SPDX-License-Identifier: Apache-2.0 */
#include "connect_options.h"

#include "../nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind {
    SECONDS,
    YES_OR_NO,
    DATABASE,
    TEXT,
    SECRET, /* a text that no message repeats */
    VERIFY,
    TLS_VERSION,
    WITHOUT_EFFECT, /* taken, since nothing here depends on it */
    REFUSED,        /* known, and here is why not */
};

struct row {
    const char *name;
    enum kind kind;
    size_t at, size;
    const char *why;
};

#define O(field) offsetof(struct connect_options, field)
#define T(field) O(field), sizeof(((struct connect_options *)0)->field)

static const struct row rows[] = {
    {"socket_timeout", SECONDS, O(socket_timeout_s), 0, NULL},
    {"socket_connect_timeout", SECONDS, O(socket_connect_timeout_s), 0, NULL},
    {"health_check_interval", SECONDS, O(health_check_interval_s), 0, NULL},
    {"socket_keepalive", YES_OR_NO, O(keepalive), 0, NULL},
    {"db", DATABASE, O(db), 0, NULL},
    {"virtual_host", DATABASE, O(db), 0, NULL},
    {"client_name", TEXT, T(client_name), NULL},
    {"username", TEXT, T(username), NULL},
    {"password", SECRET, T(password), NULL},
    {"ssl_cert_reqs", VERIFY, O(tls.verify), 0, NULL},
    {"ssl_check_hostname", YES_OR_NO, O(tls.check_hostname), 0, NULL},
    {"ssl_ca_certs", TEXT, T(tls.ca_certs), NULL},
    {"ssl_ca_path", TEXT, T(tls.ca_path), NULL},
    {"ssl_certfile", TEXT, T(tls.certfile), NULL},
    {"ssl_keyfile", TEXT, T(tls.keyfile), NULL},
    {"ssl_password", SECRET, T(tls.password), NULL},
    {"ssl_ciphers", TEXT, T(tls.ciphers), NULL},
    {"ssl_min_version", TLS_VERSION, O(tls.min_version), 0, NULL},
    /* A worker tries again for ever, and holds as many connections as it needs. */
    {"retry_on_timeout", WITHOUT_EFFECT, 0, 0, NULL},
    {"max_connections", WITHOUT_EFFECT, 0, 0, NULL},
    {"credential_provider", REFUSED, 0, 0,
     "is a Python class: give user and password in the URL"},
    {"ssl_ca_data", REFUSED, 0, 0, "is not supported: name a file in ssl_ca_certs"},
    {"ssl_validate_ocsp", REFUSED, 0, 0, "is not supported: leave it out"},
    {"ssl_validate_ocsp_stapled", REFUSED, 0, 0, "is not supported: leave it out"},
    {"protocol", REFUSED, 0, 0,
     "cannot be chosen: this worker speaks RESP 2, which every Redis understands"},
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

void connect_options_init(struct connect_options *o)
{
    *o = (struct connect_options){.socket_timeout_s = -1,
                                  .socket_connect_timeout_s = -1,
                                  .health_check_interval_s = -1,
                                  .db = -1};
}

static bool is_tls(const struct row *r)
{
    return strncmp(r->name, "ssl_", 4) == 0;
}

static bool is_none(const char *text)
{
    return strcasecmp(text, "none") == 0 || strcasecmp(text, "null") == 0;
}

static int set_seconds(double *out, const char *name, const char *value,
                       struct error *e)
{
    char *end;
    *out = 0;
    if (is_none(value))
        return 0;
    *out = strtod(value, &end);
    if (end == value || *end || !(*out >= 0) || *out > 1e6)
        return error_set(e, EINVAL, "%s must be a number of seconds, not '%.40s'", name,
                         value);
    return 0;
}

/* redis-py's to_bool, and JSON's. */
static int set_yes_or_no(enum said *out, const char *name, const char *value,
                         struct error *e)
{
    static const char *const yes[] = {"true", "1", "yes", "on", "t", "y"};
    static const char *const no[] = {"false", "0", "no", "off", "f", "n"};
    for (size_t i = 0; i < 6; i++)
        if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
            *out = strcasecmp(value, yes[i]) == 0 ? SAID_YES : SAID_NO;
            return 0;
        }
    if (is_none(value))
        return 0;
    return error_set(e, EINVAL, "%s must be true or false, not '%.40s'", name, value);
}

static int set_database(int64_t *out, const char *name, const char *value,
                        struct error *e)
{
    char *end;
    value += *value == '/';
    long long v = strtoll(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || v > 1 << 20)
        return error_set(e, EINVAL, "%s must be the number of a database, not '%.40s'",
                         name, value);
    *out = v;
    return 0;
}

static int set_text(char *out, size_t size, const char *name, const char *value,
                    struct error *e)
{
    if (strlen(value) >= size)
        return error_set(e, EINVAL, "%s is longer than %zu bytes", name, size - 1);
    strcpy(out, is_none(value) ? "" : value);
    return 0;
}

/* As redis-py and Python write it: none, CERT_NONE, ssl.CERT_NONE, VerifyMode.CERT_NONE
 * or its number. */
static int set_verify(enum tls_verify *out, const char *name, const char *value,
                      struct error *e)
{
    static const char *const names[] = {"none", "optional", "required"};
    const char *dot = strrchr(value, '.'), *word = dot ? dot + 1 : value;
    if (strncmp(word, "CERT_", 5) == 0)
        word += 5;
    for (int i = 0; i < 3; i++)
        if (strcasecmp(word, names[i]) == 0 || (word[0] == '0' + i && !word[1])) {
            *out = TLS_VERIFY_NONE + (enum tls_verify)i;
            return 0;
        }
    if (is_none(value)) {
        *out = TLS_VERIFY_NONE; /* redis-py: None is CERT_NONE */
        return 0;
    }
    return error_set(
        e, EINVAL, "%s must be CERT_REQUIRED, CERT_OPTIONAL or CERT_NONE, not '%.40s'",
        name, value);
}

/* Python's TLSVersion, by number or name. */
static int set_version(unsigned *out, const char *name, const char *value,
                       struct error *e)
{
    const char *dot = strrchr(value, '.'), *word = dot ? dot + 1 : value;
    if (strcmp(word, "771") == 0 || strcasecmp(word, "TLSv1_2") == 0)
        *out = 0x0303;
    else if (strcmp(word, "772") == 0 || strcasecmp(word, "TLSv1_3") == 0)
        *out = 0x0304;
    else
        return error_set(e, EINVAL,
                         "%s must be TLSv1_2 (771) or TLSv1_3 (772): older versions "
                         "are not safe",
                         name);
    return 0;
}

static int unknown(const char *name, struct error *e)
{
    struct nearest n = nearest_to(name);
    for (size_t i = 0; i < NROWS; i++)
        nearest_try(&n, rows[i].name);
    if (nearest_found(&n))
        return error_set(e, EINVAL, "unknown option '%.60s': did you mean '%s'?", name,
                         nearest_found(&n));
    return error_set(e, EINVAL,
                     "unknown option '%.60s': docs/deployment.md lists those of a URL",
                     name);
}

static int set(struct connect_options *o, const struct row *r, const char *value,
               struct error *e)
{
    void *at = (char *)o + r->at;
    switch (r->kind) {
    case SECONDS:
        return set_seconds(at, r->name, value, e);
    case YES_OR_NO:
        return set_yes_or_no(at, r->name, value, e);
    case WITHOUT_EFFECT:
        return 0;
    case DATABASE:
        return set_database(at, r->name, value, e);
    case TEXT:
    case SECRET:
        return set_text(at, r->size, r->name, value, e);
    case VERIFY:
        return set_verify(at, r->name, value, e);
    case TLS_VERSION:
        return set_version(at, r->name, value, e);
    case REFUSED:
        return error_set(e, EINVAL, "%s %s", r->name, r->why);
    }
    return 0;
}

int connect_options_set(struct connect_options *o, const char *name, const char *value,
                        struct error *e)
{
    for (size_t i = 0; i < NROWS; i++)
        if (strcmp(rows[i].name, name) == 0) {
            o->tls_said |= is_tls(&rows[i]);
            return set(o, &rows[i], value, e);
        }
    return unknown(name, e);
}

int connect_options_set_keepalive(struct connect_options *o, const char *name,
                                  const char *value, struct error *e)
{
    static const char *const names[] = {"TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"};
    unsigned *const fields[] = {&o->keepalive_idle_s, &o->keepalive_interval_s,
                                &o->keepalive_count};
    const char *dot = strrchr(name, '.'), *word = dot ? dot + 1 : name;
    char *end;
    for (int i = 0; i < 3; i++) {
        if (strcmp(word, names[i]) != 0 && !(word[0] == '4' + i && !word[1]))
            continue;
        long v = strtol(value, &end, 10);
        if (end == value || *end || v < 1 || v > 32767)
            return error_set(e, EINVAL, "%s must be a number from 1 to 32767",
                             names[i]);
        *fields[i] = (unsigned)v;
        return 0;
    }
    return error_set(e, EINVAL,
                     "unknown option '%.40s': TCP_KEEPIDLE (4), TCP_KEEPINTVL (5) and "
                     "TCP_KEEPCNT (6) are known",
                     name);
}

static void lay_over(struct connect_options *o, const struct row *r,
                     const struct connect_options *over)
{
    void *to = (char *)o + r->at;
    const void *from = (const char *)over + r->at;
    switch (r->kind) {
    case SECONDS:
        if (*(const double *)from >= 0)
            *(double *)to = *(const double *)from;
        break;
    case YES_OR_NO:
    case VERIFY:
    case TLS_VERSION:
        if (*(const unsigned *)from)
            *(unsigned *)to = *(const unsigned *)from;
        break;
    case DATABASE:
        if (*(const int64_t *)from >= 0)
            *(int64_t *)to = *(const int64_t *)from;
        break;
    case TEXT:
    case SECRET:
        if (*(const char *)from)
            memcpy(to, from, r->size);
        break;
    case WITHOUT_EFFECT:
    case REFUSED:
        break;
    }
}

_Static_assert(sizeof(enum said) == sizeof(unsigned) &&
                   sizeof(enum tls_verify) == sizeof(unsigned),
               "laid over as one type");

void connect_options_lay_over(struct connect_options *o,
                              const struct connect_options *over)
{
    for (size_t i = 0; i < NROWS; i++)
        lay_over(o, &rows[i], over);
    if (over->keepalive_idle_s)
        o->keepalive_idle_s = over->keepalive_idle_s;
    if (over->keepalive_interval_s)
        o->keepalive_interval_s = over->keepalive_interval_s;
    if (over->keepalive_count)
        o->keepalive_count = over->keepalive_count;
    o->tls_said |= over->tls_said;
}
