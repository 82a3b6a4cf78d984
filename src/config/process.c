/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the settings for the process: its node's name, its files, its pool.
 */
#include "load.h"
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *expansion(char letter, const char *name, const char *host,
                             const char *p, size_t *n)
{
    const char *dot = strchr(host, '.'), *text = NULL;
    switch (letter) {
    case 'h':
        text = host;
        break;
    case 'd':
        text = dot ? dot + 1 : "";
        break;
    case 'n':
        text = name;
        break;
    case 'i': /* the parent's index; children log through it */
        text = "0";
        break;
    case 'I':
        text = "";
        break;
    case 'p':
        text = p;
        break;
    case '%':
        text = "%";
        break;
    default:
        break;
    }
    *n = text ? strlen(text) : 0;
    return text;
}

int config_expand(const char *format, const char *name, const char *host, const char *p,
                  char *out, size_t size, struct error *e)
{
    size_t n = 0;
    for (const char *f = format; *f; f++) {
        const char *from = f;
        size_t len = 1;
        if (*f == '%' && f[1] && !(from = expansion(*++f, name, host, p, &len)))
            return error_set(e, EINVAL, "'%%%c' is none of %%h %%n %%d %%i %%I%s", *f,
                             p ? " %p" : "");
        if (n + len >= size)
            return error_set(e, EINVAL, "'%.30s...' becomes too long", format);
        memcpy(out + n, from, len);
        n += len;
    }
    out[n] = '\0';
    return 0;
}

/* As Celery: %n is the host's first part, and a bare name gets the host. */
static int expand_hostname(struct config *c, struct error *e)
{
    char host[128] = "localhost", first[128], out[256], full[400];
    gethostname(host, sizeof(host) - 1);
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(host, "."), host);
    if (config_expand(c->hostname, first, host, NULL, out, sizeof(out), e) < 0)
        return error_wrap(e, "option '-n'");
    snprintf(full, sizeof(full), "%s%s%s", out, strchr(out, '@') ? "" : "@",
             strchr(out, '@') ? "" : host);
    return config_copy_text(&c->hostname, full, e);
}

static int expand_file(const struct config *c, char **file, const char *option,
                       struct error *e)
{
    char name[256], out[4096];
    const char *at = strchr(c->hostname, '@');
    if (!*file)
        return 0;
    snprintf(name, sizeof(name), "%.*s", (int)(at - c->hostname), c->hostname);
    if (config_expand(*file, name, at + 1, c->hostname, out, sizeof(out), e) < 0)
        return error_wrap(e, "option '%s'", option);
    return config_copy_text(file, out, e);
}

static int expand_files(struct config *c, struct error *e)
{
    int r = expand_file(c, &c->log_file, "-f", e);
    if (r == 0)
        r = expand_file(c, &c->pid_file, "--pidfile", e);
    if (r == 0)
        r = expand_file(c, &c->health_file, "--health-file", e);
    return r;
}

static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; p && *p; p += strspn(p, ", ")) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, name, n) == 0)
            return true;
        p += len;
    }
    return false;
}

/* Celery's pools by name. A child of petiole is always a process. */
static int check_pool(struct config *c, struct error *e)
{
    if (strcmp(c->pool, "prefork") == 0 || strcmp(c->pool, "processes") == 0)
        return 0;
    if (strcmp(c->pool, "solo") == 0) {
        c->concurrency = 1;
        return 0;
    }
    if (is_listed("threads,eventlet,gevent", c->pool)) {
        config_warn(c,
                    "pool '%s': petiole runs each task in a child process; there will "
                    "be %lld of them, see --concurrency",
                    c->pool, (long long)c->concurrency);
        return 0;
    }
    return error_set(e, EINVAL,
                     "option '-P' must be prefork, solo, threads, eventlet or gevent, "
                     "not '%.60s': Python classes of pools cannot be loaded",
                     c->pool);
}

static int read_umask(struct config *c, struct error *e)
{
    char *end;
    c->file_mode_mask = -1;
    if (!c->umask_text)
        return 0;
    long mask = strtol(c->umask_text, &end, 8);
    if (end == c->umask_text || *end || mask < 0 || mask > 0777)
        return error_set(e, EINVAL,
                         "option '--umask' must be an octal number as 022, not '%.20s'",
                         c->umask_text);
    c->file_mode_mask = (int)mask;
    return 0;
}

static void warn_of_parts(struct config *c)
{
    if (is_listed(c->accept_content, "pickle") ||
        is_listed(c->accept_content, "application/x-python-serialize"))
        config_warn(c, "accept_content names pickle: petiole never reads it, and moves "
                       "such messages to the dead letters");
    if (strcmp(c->event_serializer, "json") != 0)
        config_warn(c,
                    "event_serializer is %.40s: petiole sends events as json, which "
                    "every listener reads",
                    c->event_serializer);
}

/* As Celery refuses them: what one connection owns cannot outlive it. */
static int check_queues(const struct config *c, struct error *e)
{
    const char *which = c->control_queue_exclusive && c->control_queue_durable
                            ? "control"
                        : c->event_queue_exclusive && c->event_queue_durable ? "event"
                                                                             : NULL;
    if (!which)
        return 0;
    return error_set(e, EINVAL,
                     "%s_queue_durable and %s_queue_exclusive cannot both be true",
                     which, which);
}

int config_derive_process(struct config *c, struct error *e)
{
    warn_of_parts(c);
    int r = check_pool(c, e);
    if (r == 0)
        r = check_queues(c, e);
    if (r == 0)
        r = read_umask(c, e);
    if (r == 0)
        r = log_check_formats(c->log_format, c->task_log_format, e);
    if (r == 0)
        r = expand_hostname(c, e);
    return r < 0 ? r : expand_files(c, e);
}
