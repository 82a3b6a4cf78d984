/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379
#define SOCKET_PATH_MAX 107 /* of struct sockaddr_un */
#define DB_MAX (1u << 20)

struct span {
    const char *p;
    size_t n;
};

static const struct scheme {
    const char *name;
    bool is_socket, is_tls, is_sentinel;
} schemes[] = {
    {"redis", false, false, false},         {"rediss", false, true, false},
    {"redis+socket", true, false, false},   {"socket", true, false, false},
    {"unix", true, false, false},           {"sentinel", false, false, true},
    {"redis+sentinel", false, false, true}, {"rediss+sentinel", false, true, true},
};

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* Copies it undoing %XX; false if it does not fit or holds a NUL. */
static bool unquote(char *out, size_t size, struct span text)
{
    size_t o = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%' && i + 2 < text.n && hex(text.p[i + 1]) >= 0 &&
            hex(text.p[i + 2]) >= 0) {
            c = (char)(hex(text.p[i + 1]) * 16 + hex(text.p[i + 2]));
            i += 2;
        }
        if (c == '\0' || o + 1 >= size)
            return false;
        out[o++] = c;
    }
    out[o] = '\0';
    return true;
}

static bool parse_number(struct span text, uint32_t max, uint32_t *out)
{
    char digits[12], *end;
    if (text.n == 0 || text.n >= sizeof(digits) || !isdigit((unsigned char)text.p[0]))
        return false;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    unsigned long v = strtoul(digits, &end, 10);
    *out = (uint32_t)v;
    return !*end && v <= max;
}

/* Cuts what stands before the first or last `c` off the front of *rest. */
static bool cut(struct span *rest, char c, bool last, struct span *before)
{
    const char *at = last ? memrchr(rest->p, c, rest->n) : memchr(rest->p, c, rest->n);
    if (!at)
        return false;
    *before = (struct span){rest->p, at - rest->p};
    *rest = (struct span){at + 1, rest->n - before->n - 1};
    return true;
}

/* ---- parts --------------------------------------------------------------------- */

/* The last @ ends them: a password may hold an unquoted one. */
static int parse_userinfo(struct url *u, struct span *rest, struct error *e)
{
    struct span info, user;
    if (!cut(rest, '@', true, &info))
        return 0;
    struct span password = info;
    bool has_password = cut(&password, ':', false, &user);
    if (!unquote(u->user, sizeof(u->user), has_password ? user : info) ||
        (has_password && !unquote(u->password, sizeof(u->password), password)))
        return error_set(e, EINVAL,
                         "user or password of the URL is too long or holds a NUL");
    return 0;
}

static int parse_port(struct url *u, struct span text, struct error *e)
{
    uint32_t number;
    if (text.n == 0)
        return 0;
    if (!parse_number(text, 65535, &number) || number == 0)
        return error_set(e, EINVAL,
                         "the URL's port is not a number from 1 to 65535 (in a "
                         "password write / as %%2F, ? as %%3F, # as %%23)");
    u->port = (uint16_t)number;
    u->port_said = true;
    return 0;
}

static int parse_host(struct url *u, struct span rest, struct error *e)
{
    struct span host, port = rest;
    if (rest.n && rest.p[0] == '[') { /* [::1]:6379 */
        port = (struct span){rest.p + 1, rest.n - 1};
        if (!cut(&port, ']', false, &host))
            return error_set(e, EINVAL, "the URL's [address has no closing bracket");
        if (port.n && port.p[0] != ':')
            return error_set(e, EINVAL, "behind the URL's [address] only :port stands");
        port = (struct span){port.p + (port.n > 0), port.n - (port.n > 0)};
    } else if (!cut(&port, ':', false, &host)) {
        host = rest;
        port.n = 0;
    }
    if (!unquote(u->host, sizeof(u->host), host))
        return error_set(e, EINVAL, "the URL's host is too long or holds a NUL");
    for (char *p = u->host; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    u->host_said = u->host[0];
    if (!u->host_said)
        strcpy(u->host, "localhost");
    return parse_port(u, port, e);
}

/* "0", "/0", "%30"; nothing is 0. */
static int parse_db(struct url *u, struct span text, struct error *e)
{
    char db[16];
    while (text.n && text.p[0] == '/')
        text = (struct span){text.p + 1, text.n - 1};
    if (text.n == 0)
        return 0;
    if (!unquote(db, sizeof(db), text) ||
        !parse_number((struct span){db, strlen(db)}, DB_MAX, &u->db))
        return error_set(e, EINVAL,
                         "the URL's database must be a number, as in redis://host/0");
    u->db_said = true;
    return 0;
}

static int parse_tcp(struct url *u, struct span rest, struct error *e)
{
    struct span host;
    int r = parse_userinfo(u, &rest, e);
    struct span db = rest;
    if (r == 0 && cut(&db, '/', false, &host)) {
        r = parse_host(u, host, e);
        return r < 0 ? r : parse_db(u, db, e);
    }
    return r < 0 ? r : parse_host(u, rest, e);
}

static int parse_socket(struct url *u, struct span rest, struct error *e)
{
    int r = parse_userinfo(u, &rest, e);
    if (r < 0)
        return r;
    if (!unquote(u->host, sizeof(u->host), rest) || u->host[0] != '/' ||
        strlen(u->host) > SOCKET_PATH_MAX)
        return error_set(e, EINVAL,
                         "the URL's socket must be an absolute path of at most %d "
                         "characters, as in redis+socket:///run/redis.sock",
                         SOCKET_PATH_MAX);
    u->host_said = true;
    return 0;
}

/* ---- the query ----------------------------------------------------------------- */

static int parse_option(struct url *u, struct span pair, struct error *e)
{
    char name[64], value[520];
    struct span key, text = pair;
    if (!cut(&text, '=', false, &key)) {
        key = pair;
        text.n = 0;
    }
    if (!unquote(name, sizeof(name), key) || !unquote(value, sizeof(value), text))
        return error_set(e, EINVAL, "an option of the URL is too long or holds a NUL");
    int r = connect_options_set(&u->options, name, value, e);
    return r < 0 ? error_wrap(e, "in the URL") : 0;
}

static int parse_query(struct url *u, struct span rest, struct error *e)
{
    int r = 0;
    while (r == 0 && rest.n > 0) {
        struct span pair;
        if (!cut(&rest, '&', false, &pair)) {
            pair = rest;
            rest.n = 0;
        }
        if (pair.n > 0)
            r = parse_option(u, pair, e);
    }
    return r;
}

/* What the query says about user, password and database stands where the rest of the
 * URL would have said it. */
static void adopt_options(struct url *u)
{
    const struct connect_options *o = &u->options;
    if (o->db >= 0) {
        u->db = (uint32_t)o->db;
        u->db_said = true;
    }
    if (o->username[0])
        strcpy(u->user, o->username);
    if (o->password[0])
        strcpy(u->password, o->password);
}

/* ---- the whole ----------------------------------------------------------------- */

static int find_scheme(struct url *u, const char *text, size_t n, struct error *e)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const struct scheme *s = &schemes[i];
        if (strlen(s->name) != n || strncasecmp(s->name, text, n) != 0)
            continue;
        strcpy(u->scheme, s->name);
        u->is_socket = s->is_socket;
        u->is_tls = s->is_tls;
        u->is_sentinel = s->is_sentinel;
        u->port = s->is_sentinel ? SENTINEL_PORT : REDIS_PORT;
        return 0;
    }
    return error_set(e, EINVAL,
                     "'%.*s://' is not a transport this worker speaks: use "
                     "redis://host/0, rediss://host/0, redis+socket:///path or "
                     "sentinel://host",
                     n < 20 ? (int)n : 20, text);
}

/* Of a text without a scheme nothing is repeated: it may be a password. */
static const char *behind_scheme(struct url *u, const char *text, struct error *e)
{
    const char *end = strstr(text, "://");
    size_t n = end ? (size_t)(end - text) : 0;
    if (!end || strcspn(text, "/@?#") < n) {
        error_set(e, EINVAL, "the URL has no transport: write redis://host/0");
        return NULL;
    }
    return find_scheme(u, text, n, e) < 0 ? NULL : end + 3;
}

/* A refusal repeats words of the URL: whatever they hold, it stays one line. */
static int refuse(struct error *e, int r)
{
    for (char *p = e->msg; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return r;
}

int url_parse(struct url *u, const char *text, struct error *e)
{
    *u = (struct url){.port = REDIS_PORT};
    connect_options_init(&u->options);
    const char *p = behind_scheme(u, text, e);
    if (!p)
        return refuse(e, -EINVAL);
    size_t n = strcspn(p, "?#"), nquery = p[n] == '?' ? strcspn(p + n + 1, "#") : 0;
    struct span rest = {p, n}, query = {p + n + 1, nquery};
    int r = u->is_socket ? parse_socket(u, rest, e) : parse_tcp(u, rest, e);
    if (r == 0)
        r = parse_query(u, query, e);
    if (r < 0)
        return refuse(e, r);
    adopt_options(u);
    return 0;
}

/* ---- masks --------------------------------------------------------------------- */

/* What Python's quote leaves as it is; an IPv6 address stands in brackets. */
static size_t put_quoted(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text && n + 4 < size; text++)
        if (isalnum((unsigned char)*text) || strchr("_.-~/:", *text))
            out[n++] = *text;
        else
            n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*text);
    out[n] = '\0';
    return n;
}

void url_mask(const struct url *u, enum url_mask as, char out[URL_MASKED_BYTES])
{
    char user[160], host[400], port[8] = "", db[12] = "";
    bool all = as == URL_MASK_BROKER && !u->is_socket;
    bool has_password = u->password[0] || all;
    bool is_ip6 = strchr(u->host, ':');
    put_quoted(user, sizeof(user), u->user);
    put_quoted(host, sizeof(host), u->host_said || all ? u->host : "");
    if (!u->is_socket) {
        if (u->port_said || all)
            snprintf(port, sizeof(port), ":%u", u->port);
        snprintf(db, sizeof(db), u->db_said ? "/%u" : all ? "//" : "/", u->db);
    }
    snprintf(out, URL_MASKED_BYTES, "%s://%s%s%s%s%s%s%s%s", u->scheme, user,
             has_password ? ":**" : "", has_password || user[0] ? "@" : "",
             is_ip6 ? "[" : "", host, is_ip6 ? "]" : "", port, db);
}
