/* SPDX-License-Identifier: Apache-2.0 */
/* Which tags are to be put back. */
#include "redis_restore.h"

#include <stdio.h>
#include <stdlib.h>

#define TAGS_MAX 200000
#define SWEEP_LIMIT 1000 /* where unacked_restore_limit is not set */

static bool add_tag(struct restore *r, const redisReply *tag)
{
    if (r->ntags == TAGS_MAX)
        return false;
    if (r->ntags == r->room) {
        size_t room = r->room ? r->room * 2 : 256;
        void *tags = realloc(r->tags, room * sizeof(*r->tags));
        if (!tags)
            return false;
        r->tags = tags;
        r->room = room;
    }
    r->tags[r->ntags] = strdup(tag->str);
    r->ntags += r->tags[r->ntags] != NULL;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(*(char *const *)b,
                  *(char *const *)a); /* the counter has a fixed width */
}

static bool is_held(const struct redis_broker *b, const char *tag)
{
    return held_find(&b->by_tag, redis_broker_counter(b, tag)) != NULL;
}

static void scan(struct restore *r, const char *cursor);

static void on_scanned(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !reply->element[0]->str) {
        restore_give_up(r, reply);
        return;
    }
    const redisReply *pairs = reply->element[1];
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        const redisReply *tag = pairs->element[i];
        if (!tag->str || (r->kind == RESTORE_OWN && is_held(r->broker, tag->str)))
            continue;
        if (!add_tag(r, tag)) {
            r->incomplete = true; /* as many as fit: the rest is found the next time */
            break;
        }
    }
    if (strcmp(reply->element[0]->str, "0") != 0) {
        scan(r, reply->element[0]->str);
        return;
    }
    if (r->ntags)
        qsort(r->tags, r->ntags, sizeof(*r->tags), newest_first);
    restore_return(r);
}

static void scan(struct restore *r, const char *cursor)
{
    char pattern[TAG_BYTES];
    snprintf(pattern, sizeof(pattern), "%s.*", r->node);
    redis_words(&r->broker->redis, on_scanned, r, "ZSCAN",
                r->broker->keys.unacked_index, cursor, "MATCH", pattern, "COUNT",
                "1000", NULL);
}

static void on_overdue(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        restore_give_up(r, reply);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->str && !add_tag(r, reply->element[i]))
            break;
    restore_return(r);
}

void restore_find_held(struct restore *r)
{
    scan(r, "0");
}

void restore_find_overdue(struct restore *r)
{
    struct redis_broker *b = r->broker;
    const struct config *c = b->config;
    redis_begin_script(&b->redis, &b->scripts.overdue, 1, 3, on_overdue, r);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_int(&b->redis, c->visibility_timeout_s);
    redis_arg_int(&b->redis,
                  c->unacked_restore_limit ? c->unacked_restore_limit : SWEEP_LIMIT);
}
