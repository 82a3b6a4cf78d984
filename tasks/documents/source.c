/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <stdint.h>
#include <strings.h>

#define NAME_MAX_BYTES 200 /* leaves room for what the outputs' names add */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *bad_url(ptl_task *t, const char *url, const char *why)
{
    ptl_fail(t, "ValueError", "%s %s", url, why);
    return NULL;
}

static const char *undo_percent(ptl_task *t, const char *url, const char *text)
{
    char *path = ptl_strf(t, "%s", text), *out = path;

    for (const char *in = path; in && *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || (high | low) == 0)
            return bad_url(t, url, "has a bad percent sequence");
        *out++ = (char)(high << 4 | low);
        in += 2;
    }
    if (path)
        *out = '\0';
    return path;
}

const char *source_path(ptl_task *t, const char *url)
{
    if (*url == '\0')
        return bad_url(t, url, "the path is empty");
    if (strncasecmp(url, "file:", 5) != 0) {
        if (strstr(url, "://"))
            return bad_url(t, url, "cannot be read: give a path or a file:// URL");
        return url;
    }
    const char *host = url + 5, *path = host;
    if (strncmp(host, "//", 2) == 0) {
        host += 2;
        path = strchr(host, '/');
        if (path && path > host && strncmp(host, "localhost/", 10) != 0)
            return bad_url(t, url, "names another machine");
    }
    if (!path || *path != '/')
        return bad_url(t, url, "has no absolute path");
    if (strpbrk(path, "?#"))
        return bad_url(t, url, "has a query or a fragment; write %3F and %23 in names");
    return undo_percent(t, url, path);
}

struct str source_text(ptl_task *t, const ptl_value *v)
{
    size_t n = 0;
    const char *text = ptl_str(v, &n);
    bool has_surrogate = false;

    for (size_t i = 0; i + 1 < n && !has_surrogate; i++)
        has_surrogate = (uint8_t)text[i] == 0xED && (uint8_t)text[i + 1] >= 0xA0;
    if (!has_surrogate)
        return (struct str){text, n};

    char *copy = ptl_alloc(t, n + 1);
    if (!copy)
        return (struct str){0};
    memcpy(copy, text, n);
    for (size_t i = 0; i + 2 < n; i++)
        if ((uint8_t)copy[i] == 0xED && (uint8_t)copy[i + 1] >= 0xA0)
            memcpy(copy + i, "\xEF\xBF\xBD", 3);
    return (struct str){copy, n};
}

static const char *plain_name(ptl_task *t, const ptl_value *v)
{
    size_t n = 0;
    const char *name = ptl_str(v, &n);

    if (!v || ptl_kind_of(v) == PTL_NULL)
        return NULL;
    if (ptl_kind_of(v) != PTL_STR || n == 0 || n > NAME_MAX_BYTES ||
        memchr(name, '\0', n) || strchr(name, '/') || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        ptl_fail(t, "ValueError",
                 "source: 'name' must be a file name without folders, of at most %d "
                 "bytes",
                 NAME_MAX_BYTES);
    return name;
}

static bool text_of_map(ptl_task *t, const ptl_value *map, struct source *s)
{
    for (size_t i = 0; i < ptl_len(map); i++) {
        const char *key = ptl_key_at(map, i, NULL);
        if (strcmp(key, "text") != 0 && strcmp(key, "name") != 0)
            ptl_fail(t, "ValueError", "source has the unknown key '%s'", key);
    }
    const ptl_value *text = ptl_get(map, "text");
    if (ptl_kind_of(text) != PTL_STR)
        ptl_fail(t, "TypeError", "source: 'text' must be str");
    s->text = source_text(t, text);
    s->name = plain_name(t, ptl_get(map, "name"));
    return !ptl_failed(t);
}

bool source_of_argument(ptl_task *t, struct source *s)
{
    const ptl_value *v = ptl_arg_value(t, "source");

    *s = (struct source){0};
    if (ptl_kind_of(v) == PTL_MAP)
        return text_of_map(t, v, s);
    if (ptl_kind_of(v) == PTL_STR) {
        const char *path = ptl_arg_str(t, "source"); /* refuses NULs */
        s->path = ptl_failed(t) ? NULL : source_path(t, path);
        return s->path != NULL;
    }
    ptl_fail(t, "TypeError",
             "source must be a path, a file:// URL or {\"text\": \"...\"}");
    return false;
}
