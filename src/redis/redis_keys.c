/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_keys.h"

#include "../config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PRIORITY_MAX 9 /* kombu's: larger ones count as this */

/* ---- what the options say ----------------------------------------------------- */

static int copy_name(char *out, size_t room, const char *text, const char *option,
                     struct error *e)
{
    size_t n = strlen(text);
    if (n >= room)
        return error_set(e, EINVAL,
                         "broker_transport_options.%s is longer than %zu bytes", option,
                         room - 1);
    memcpy(out, text, n + 1);
    return 0;
}

/* "0,3,6,9", as the list of the configuration file arrives. */
static int read_steps(struct redis_keys *k, const char *text, struct error *e)
{
    for (const char *p = text; *p; p++) {
        char *end;
        unsigned long step = strtoul(p, &end, 10);
        bool ascends = k->nsteps == 0 || step > k->steps[k->nsteps - 1];
        if (end == p || (*end && *end != ',') || step > 255 || !ascends)
            return error_set(e, EINVAL,
                             "broker_transport_options.priority_steps must be "
                             "ascending numbers from 0 to 255, not '%.60s'",
                             text);
        if (k->nsteps == REDIS_STEPS_MAX)
            return error_set(e, EINVAL,
                             "broker_transport_options.priority_steps holds more than "
                             "%d steps",
                             REDIS_STEPS_MAX);
        k->steps[k->nsteps++] = (unsigned)step;
        p = end;
        if (!*p)
            break;
    }
    return k->nsteps ? 0
                     : error_set(e, EINVAL,
                                 "broker_transport_options.priority_steps is empty");
}

/* true: "/{db}."; false: none; any other text is the prefix itself. */
static int read_fanout_prefix(struct redis_keys *k, const char *text, uint32_t db,
                              struct error *e)
{
    const char *as = strcmp(text, "true") == 0    ? "/{db}."
                     : strcmp(text, "false") == 0 ? ""
                                                  : text;
    const char *mark = strstr(as, "{db}");
    int n = mark ? snprintf(k->fanout_prefix, sizeof(k->fanout_prefix), "%.*s%u%s",
                            (int)(mark - as), as, db, mark + 4)
                 : snprintf(k->fanout_prefix, sizeof(k->fanout_prefix), "%s", as);
    if (n < 0 || (size_t)n >= sizeof(k->fanout_prefix))
        return error_set(e, EINVAL,
                         "broker_transport_options.fanout_prefix is longer than %d "
                         "bytes",
                         REDIS_NAME_MAX);
    return 0;
}

static void prefixed(const struct redis_keys *k, const char *name,
                     char out[REDIS_KEY_BYTES])
{
    snprintf(out, REDIS_KEY_BYTES, "%s%.*s", k->prefix, REDIS_NAME_MAX, name);
}

static void spell(struct redis_keys *k, const struct config *c)
{
    prefixed(k, c->unacked_key, k->unacked);
    prefixed(k, c->unacked_index_key, k->unacked_index);
    prefixed(k, c->unacked_mutex_key, k->unacked_mutex);
    prefixed(k, "_kombu.binding.", k->binding);
    prefixed(k, "_kombu.binding_permanent.", k->binding_permanent);
    prefixed(k, "_kombu.binding_deadlines", k->binding_deadlines);
    prefixed(k, "petiole.nodes", k->nodes);
    prefixed(k, "petiole.dead", k->dead);
    prefixed(k, "petiole.node.", k->node);
    prefixed(k, "petiole.inbox.", k->inbox);
    prefixed(k, "petiole.restore.", k->restore);
    prefixed(k, "petiole.sent.", k->sent);
}

static int check_name(const char *text, const char *option, struct error *e)
{
    if (text[0] && strlen(text) <= REDIS_NAME_MAX)
        return 0;
    return error_set(e, EINVAL, "broker_transport_options.%s must have 1 to %d bytes",
                     option, REDIS_NAME_MAX);
}

static uint32_t database_of(const struct endpoint *ep)
{
    return ep->is_sentinel ? ep->master.db : ep->nurls ? ep->urls[0].db : 0;
}

int redis_keys_init(struct redis_keys *k, const struct config *c, struct error *e)
{
    *k = (struct redis_keys){.fanout_patterns = c->fanout_patterns};
    if (!c->sep[0])
        return error_set(e, EINVAL, "broker_transport_options.sep is empty");
    if (copy_name(k->prefix, sizeof(k->prefix), c->global_keyprefix, "global_keyprefix",
                  e) < 0 ||
        copy_name(k->sep, sizeof(k->sep), c->sep, "sep", e) < 0 ||
        check_name(c->unacked_key, "unacked_key", e) < 0 ||
        check_name(c->unacked_index_key, "unacked_index_key", e) < 0 ||
        check_name(c->unacked_mutex_key, "unacked_mutex_key", e) < 0 ||
        read_steps(k, c->priority_steps, e) < 0 ||
        read_fanout_prefix(k, c->fanout_prefix, database_of(&c->broker), e) < 0)
        return -EINVAL;
    spell(k, c);
    return 0;
}

/* ---- keys from parts ---------------------------------------------------------- */

unsigned redis_keys_step(const struct redis_keys *k, int64_t priority)
{
    int64_t p = priority < 0 ? 0 : priority > PRIORITY_MAX ? PRIORITY_MAX : priority;
    /* Below the first step Python's index -1 is the last one. */
    unsigned step = k->steps[k->nsteps - 1];
    for (size_t i = 0; i < k->nsteps && (int64_t)k->steps[i] <= p; i++)
        step = k->steps[i];
    return step;
}

void redis_keys_suffix(const struct redis_keys *k, unsigned step, char out[32])
{
    out[0] = '\0';
    if (step)
        snprintf(out, 32, "%s%u", k->sep, step);
}

void redis_keys_list(const struct redis_keys *k, struct str queue, unsigned step,
                     char out[REDIS_KEY_BYTES])
{
    char suffix[32];
    redis_keys_suffix(k, step, suffix);
    snprintf(out, REDIS_KEY_BYTES, "%s" STR_FMT "%s", k->prefix, STR_ARG(queue),
             suffix);
}

void redis_keys_join(char out[REDIS_KEY_BYTES], const char *start, struct str name)
{
    snprintf(out, REDIS_KEY_BYTES, "%s" STR_FMT, start, STR_ARG(name));
}

void redis_keys_inbox(const struct redis_keys *k, const char *node, const char *list,
                      char out[REDIS_KEY_BYTES])
{
    redis_keys_join(out, k->inbox, str_of(node));
    size_t n = strlen(out);
    snprintf(out + n, REDIS_KEY_BYTES - n, ".%s", list + strlen(k->prefix));
}

void redis_keys_member(const struct redis_keys *k, struct str routing_key,
                       struct str pattern, struct str queue,
                       char out[REDIS_MEMBER_BYTES])
{
    snprintf(out, REDIS_MEMBER_BYTES, STR_FMT "%s" STR_FMT "%s" STR_FMT,
             STR_ARG(routing_key), k->sep, STR_ARG(pattern), k->sep, STR_ARG(queue));
}

void redis_keys_channel(const struct redis_keys *k, struct str exchange,
                        struct str routing_key, char out[REDIS_KEY_BYTES])
{
    bool named = routing_key.n > 0 && k->fanout_patterns;
    snprintf(out, REDIS_KEY_BYTES, "%s%s" STR_FMT "%s", k->prefix, k->fanout_prefix,
             STR_ARG(exchange), named ? "/" : "");
    size_t n = strlen(out);
    if (named)
        snprintf(out + n, REDIS_KEY_BYTES - n, STR_FMT, STR_ARG(routing_key));
    for (char *p = out + n; *p; p++)
        if (*p == '#')
            *p = '*';
}
