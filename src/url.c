/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 6379

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* Copies text[0..n) undoing %XX; false if it does not fit or holds a NUL. */
static bool unquote(char *out, size_t size, const char *text, size_t n)
{
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < n + 0 && hex(text[i + 1]) >= 0 &&
            hex(text[i + 2]) >= 0) {
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
        if (c == '\0' || o + 1 >= size)
            return false;
        out[o++] = c;
    }
    out[o] = '\0';
    return true;
}

static int parse_number(const char *text, size_t n, uint32_t max, uint32_t *out)
{
    char digits[12], *end;
    if (n == 0 || n >= sizeof(digits) || !isdigit((unsigned char)text[0]))
        return -EINVAL;
    memcpy(digits, text, n);
    digits[n] = '\0';
    unsigned long v = strtoul(digits, &end, 10);
    if (*end || v > max)
        return -EINVAL;
    *out = (uint32_t)v;
    return 0;
}

/* [user][:password]@ : returns what follows it. */
static const char *parse_userinfo(struct url *u, const char *p, const char *end,
                                  struct error *e)
{
    const char *at = NULL;
    for (const char *q = p; q < end; q++)
        if (*q == '@')
            at = q; /* the last one: a password may hold an unquoted @ */
    if (!at)
        return p;
    const char *colon = memchr(p, ':', at - p);
    const char *user_end = colon ? colon : at;
    if (!unquote(u->user, sizeof(u->user), p, user_end - p) ||
        (colon &&
         !unquote(u->password, sizeof(u->password), colon + 1, at - colon - 1))) {
        error_set(e, EINVAL, "user or password of the URL is too long or holds a NUL");
        return NULL;
    }
    return at + 1;
}

static int parse_host(struct url *u, const char *p, const char *end, struct error *e)
{
    const char *host_end = end, *port = NULL;
    if (p < end && *p == '[') { /* [::1]:6379 */
        const char *close = memchr(p, ']', end - p);
        if (!close)
            return error_set(e, EINVAL, "the URL's [address has no closing bracket");
        host_end = close;
        p++;
        port = close + 1 < end && close[1] == ':' ? close + 2 : NULL;
    } else if ((port = memchr(p, ':', end - p))) {
        host_end = port++;
    }
    uint32_t number = DEFAULT_PORT;
    if (port && port < end &&
        (parse_number(port, end - port, 65535, &number) < 0 || number == 0))
        return error_set(e, EINVAL, "the URL's port is not a number from 1 to 65535");
    if (!unquote(u->host, sizeof(u->host), p, host_end - p))
        return error_set(e, EINVAL, "the URL's host is too long");
    if (!u->host[0])
        strcpy(u->host, "localhost");
    u->port = (uint16_t)number;
    return 0;
}

static int parse_db(struct url *u, const char *p, size_t n, struct error *e)
{
    if (n && *p == '/') {
        p++;
        n--;
    }
    if (n && parse_number(p, n, 1u << 20, &u->db) < 0)
        return error_set(e, EINVAL,
                         "the URL's database must be a number, as in redis://host/0");
    return 0;
}

static int parse_tcp(struct url *u, const char *p, struct error *e)
{
    const char *end = p + strcspn(p, "?#");
    const char *host = parse_userinfo(u, p, end, e);
    if (!host)
        return -EINVAL;
    const char *slash = memchr(host, '/', end - host);
    slash = slash ? slash : end;
    int r = parse_host(u, host, slash, e);
    if (r == 0)
        r = parse_db(u, slash, end - slash, e);
    if (r < 0)
        return r;
    snprintf(u->masked, sizeof(u->masked), "redis://%s%s%s%.200s:%u/%u", u->user,
             u->password[0] ? ":**" : "", u->user[0] || u->password[0] ? "@" : "",
             u->host, u->port, u->db);
    return 0;
}

static int parse_socket(struct url *u, const char *p, struct error *e)
{
    const char *end = p + strcspn(p, "?#");
    const char *path = parse_userinfo(u, p, end, e);
    if (!path)
        return -EINVAL;
    u->is_socket = true;
    if (!unquote(u->host, sizeof(u->host), path, end - path) || u->host[0] != '/' ||
        strlen(u->host) > 107)
        return error_set(e, EINVAL,
                         "the URL's socket must be an absolute path of at most 107 "
                         "characters, as in redis+socket:///run/redis.sock");
    const char *db = strstr(end, "virtual_host=");
    if (db) {
        db += strlen("virtual_host=");
        int r = parse_db(u, db, strcspn(db, "&#"), e);
        if (r < 0)
            return r;
    }
    snprintf(u->masked, sizeof(u->masked),
             "redis+socket://%s%s%s%.200s?virtual_host=%u", u->user,
             u->password[0] ? ":**" : "", u->user[0] || u->password[0] ? "@" : "",
             u->host, u->db);
    return 0;
}

int url_parse(struct url *u, const char *text, struct error *e)
{
    static const char *const sockets[] = {"redis+socket://", "socket://"};
    *u = (struct url){.port = DEFAULT_PORT};
    if (strncmp(text, "redis://", 8) == 0)
        return parse_tcp(u, text + 8, e);
    for (size_t i = 0; i < 2; i++)
        if (strncmp(text, sockets[i], strlen(sockets[i])) == 0)
            return parse_socket(u, text + strlen(sockets[i]), e);
    return error_set(
        e, EINVAL,
        "'%.*s://' is not a transport this worker speaks: use redis://host/0 "
        "or redis+socket:///path",
        text[strcspn(text, ":/@")] == '@' ? 0 : (int)strcspn(text, ":/"), text);
}
