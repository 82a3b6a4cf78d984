/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_restore.h"

#include "../../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>

#define NODE_LOCK_MS 30000

/* ---- beginning and ending ----------------------------------------------------- */

static void lock_key(const struct restore *r, char out[REDIS_KEY_BYTES])
{
    const struct redis_keys *keys = &r->broker->keys;
    if (r->kind == RESTORE_NODE)
        redis_keys_join(out, keys->restore, str_of(r->node));
    else
        redis_keys_join(out, keys->unacked_mutex, STR(""));
}

void restore_end(struct restore *r)
{
    struct redis_broker *b = r->broker;
    b->own_orphans |= r->kind == RESTORE_OWN && r->incomplete;
    b->restore = NULL;
    for (size_t i = 0; i < r->ntags; i++)
        free(r->tags[i]);
    free(r->tags);
    free(r);
    if (b->quiescing) /* it may have waited for this one */
        redis_fetch_pump(b);
}

static void release(struct restore *r)
{
    char key[REDIS_KEY_BYTES];
    struct redis_broker *b = r->broker;
    lock_key(r, key);
    redis_begin_script(&b->redis, &b->scripts.unlock, 1, 2, NULL, NULL);
    redis_arg_text(&b->redis, key);
    redis_arg_text(&b->redis, b->id);
}

void restore_give_up(struct restore *r, const redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR)
        redis_complain(&r->broker->redis, "restore messages", reply->str,
                       NODE_BEAT_MS / 1000.0);
    if (reply && r->kind != RESTORE_OWN)
        release(r); /* tried again soon, by whoever comes first */
    r->incomplete = true;
    restore_end(r);
}

void restore_note_refusal(struct restore *r, const redisReply *reply)
{
    if (redis_is_error(reply) && !r->incomplete)
        log_line(LOG_ERROR, "cannot restore a message: %.200s; trying again",
                 reply->str);
    r->incomplete |= !reply || redis_is_error(reply);
}

/* ---- a dead node's inboxes ------------------------------------------------------ */

static void report(struct restore *r)
{
    struct redis_broker *b = r->broker;
    if (r->kind == RESTORE_OVERDUE)
        b->base.stats.restored_overdue += r->restored;
    else
        b->base.stats.restored_from_dead += r->restored;
    if (r->restored > 0)
        log_line(LOG_WARNING, "Restored %llu unacknowledged message(s)%s%s",
                 (unsigned long long)r->restored,
                 r->kind == RESTORE_NODE ? " of lost node " : "",
                 r->kind == RESTORE_NODE ? r->node : "");
}

/* The node's name goes last: while anything of it is left, somebody must know. A fleet
 * may have died at once, so the next one does not wait for the next beat. */
static void node_done(struct restore *r)
{
    struct redis_broker *b = r->broker;
    report(r);
    if (!r->incomplete)
        redis_words(&b->redis, NULL, NULL, "HDEL", b->keys.nodes, r->node, NULL);
    release(r);
    restore_end(r);
    if (b->redis.link.state == LINK_OPEN && !b->quiescing)
        restore_next_dead(b);
}

static void on_unboxed(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    restore_note_refusal(r, reply);
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        r->restored += (uint64_t)reply->integer;
    if (--r->pending == 0)
        node_done(r);
}

static void unbox(struct restore *r, struct str inbox, struct str key)
{
    struct redis_broker *b = r->broker;
    r->pending++;
    redis_begin_script(&b->redis, &b->scripts.unbox, 2, 2, on_unboxed, r);
    redis_arg(&b->redis, inbox);
    redis_arg(&b->redis, key);
}

/* The dead node's inboxes, as it registered them; then its name goes. */
static void on_node(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    struct json_error why;
    struct arena a;
    if (!reply) {
        restore_end(r);
        return;
    }
    arena_init(&a, 1 << 20);
    const struct str ours = str_of(r->broker->keys.inbox);
    struct str text = {reply->str ? reply->str : "", reply->str ? reply->len : 0};
    const ptl_value *sources =
        value_get(json_read(&a, text, 0, &json_default_limits, &why), "sources");
    r->pending = 1;
    for (size_t i = 0; i < value_len(sources); i++) {
        struct str inbox = value_as_str(value_at(value_at(sources, i), 0));
        if (inbox.n > ours.n && memcmp(inbox.p, ours.p, ours.n) == 0)
            unbox(r, inbox, value_as_str(value_at(value_at(sources, i), 1)));
    }
    arena_finish(&a);
    if (--r->pending == 0)
        node_done(r);
}

void restore_tags_done(struct restore *r)
{
    if (r->kind == RESTORE_NODE && r->incomplete) {
        node_done(r);
        return;
    }
    if (r->kind == RESTORE_NODE) {
        redis_words(&r->broker->redis, on_node, r, "HGET", r->broker->keys.nodes,
                    r->node, NULL);
        return;
    }
    report(r);
    if (r->kind == RESTORE_OVERDUE)
        release(r);
    restore_end(r);
}

/* ---- the lock ------------------------------------------------------------------ */

static void on_locked(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    if (!reply || reply->type != REDIS_REPLY_STATUS)
        restore_give_up(r, reply); /* somebody else is at it */
    else if (r->kind == RESTORE_NODE)
        restore_find_held(r);
    else
        restore_find_overdue(r);
}

/* if_word: NX to take it, XX to keep it. */
static void set_lock(struct restore *r, const char *if_word, redis_reply_fn *fn)
{
    char key[REDIS_KEY_BYTES];
    struct redis_broker *b = r->broker;
    lock_key(r, key);
    redis_begin(&b->redis, 6, fn, r);
    if (b->redis.discarding)
        return; /* the link is closing: it was answered, and is gone */
    redis_arg_text(&b->redis, "SET");
    redis_arg_text(&b->redis, key);
    redis_arg_text(&b->redis, b->id);
    redis_arg_text(&b->redis, if_word);
    redis_arg_text(&b->redis, "PX");
    redis_arg_int(&b->redis, r->kind == RESTORE_NODE
                                 ? NODE_LOCK_MS
                                 : (int64_t)(b->config->unacked_mutex_expire_s * 1000));
}

void restore_renew(struct restore *r)
{
    if (r->kind != RESTORE_OWN)
        set_lock(r, "XX", NULL);
}

bool restore_begin(struct redis_broker *b, enum restore_kind kind, const char *node)
{
    struct restore *r = calloc(1, sizeof(*r));
    if (!r)
        return false;
    r->broker = b;
    r->kind = kind;
    snprintf(r->node, sizeof(r->node), "%s", node);
    b->restore = r;
    if (kind == RESTORE_OWN)
        restore_find_held(r);
    else
        set_lock(r, "NX", on_locked);
    return true;
}
