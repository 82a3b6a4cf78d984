/* SPDX-License-Identifier: Apache-2.0 */
/* Restoring what nobody holds any more: everything a dead node held, at once; what is
 * past the visibility timeout, as kombu's sweep does; and, after a reconnection, tags
 * of our own whose fetch reply never came.
 *
 * A node is dead only after its liveness key was missing in every answer for one full
 * TTL, on one connection: a paused server that answers late, or a new server, starts
 * the watch anew, so that live nodes never look dead. Every step is by tag and changes
 * nothing the second time, so two peers restoring at once do no harm; the lock only
 * saves work. */
#include "redis_broker.h"

#include "../protocol/envelope.h"
#include "../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>

#define TAGS_MAX 200000
#define SLICE 100
#define SWEEP_MS 10000
#define SWEEP_LIMIT "1000"
#define WATCH_GAP_MS 2500 /* a longer silence between two answers voids the watch */
#define LOCK_MS "30000"

enum restore_kind {
    RESTORE_NODE,    /* a dead node's */
    RESTORE_OVERDUE, /* past the visibility timeout, under kombu's mutex */
    RESTORE_OWN,     /* ours, but unknown to us */
};

struct restore {
    struct redis_broker *broker;
    enum restore_kind kind;
    char node[NODE_ID_BYTES];
    char (*tags)[TAG_BYTES];
    size_t ntags, room, next;
    size_t pending; /* replies of the running slice */
    uint64_t restored;
    bool incomplete; /* something was refused or did not fit: to be done again */
};

struct absence {
    struct list link; /* on broker->absent */
    char node[NODE_ID_BYTES];
    uint64_t since_ms;
    bool seen; /* missing in the newest answer too */
};

static void next_slice(struct restore *r);

static bool is_text(const redisReply *reply)
{
    return reply->str != NULL;
}

/* ---- beginning and ending ----------------------------------------------------- */

static void lock_key(const struct restore *r, char out[KEY_MAX_BYTES])
{
    if (r->kind == RESTORE_NODE)
        snprintf(out, KEY_MAX_BYTES, KEY_RESTORE "%s", r->node);
    else
        snprintf(out, KEY_MAX_BYTES, "%s", KEY_UNACKED_MUTEX);
}

static void end(struct restore *r)
{
    struct redis_broker *b = r->broker;
    b->restore = NULL;
    free(r->tags);
    free(r);
}

/* What was read may be wrong or missing: try again with the next beat. */
static void give_up(struct restore *r, const redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR)
        log_line(LOG_ERROR, "cannot restore messages: %.200s", reply->str);
    end(r);
}

static void release(struct restore *r)
{
    char key[KEY_MAX_BYTES];
    struct redis_broker *b = r->broker;
    lock_key(r, key);
    redis_begin_script(&b->redis, &b->scripts.unlock, 1, 2, NULL, NULL);
    redis_arg_text(&b->redis, key);
    redis_arg_text(&b->redis, b->id);
}

static struct restore *begin_restore(struct redis_broker *b, enum restore_kind kind)
{
    struct restore *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->broker = b;
    r->kind = kind;
    b->restore = r;
    return r;
}

static bool add_tag(struct restore *r, const char *tag, size_t n)
{
    if (n >= TAG_BYTES || r->ntags == TAGS_MAX)
        return r->ntags < TAGS_MAX;
    if (r->ntags == r->room) {
        size_t room = r->room ? r->room * 2 : 256;
        void *tags = realloc(r->tags, room * sizeof(*r->tags));
        if (!tags)
            return false;
        r->tags = tags;
        r->room = room;
    }
    memcpy(r->tags[r->ntags], tag, n);
    r->tags[r->ntags++][n] = '\0';
    return true;
}

/* ---- one message -------------------------------------------------------------- */

static void settled_one(struct restore *r, const redisReply *reply)
{
    if (--r->pending == 0 && reply)
        next_slice(r);
    else if (r->pending == 0)
        end(r);
}

static void note_refusal(struct restore *r, const redisReply *reply)
{
    if (redis_is_error(reply) && !r->incomplete)
        log_line(LOG_ERROR, "cannot restore a message: %.200s; trying again",
                 reply->str);
    r->incomplete |= !reply || redis_is_error(reply);
}

static void on_moved(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    note_refusal(r, reply);
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        r->restored += reply->integer == 1;
    settled_one(r, reply);
}

/* What a list's name has behind its queue's, for messages of this priority. */
static void list_suffix(int64_t priority, char out[16])
{
    unsigned step = priority >= 9 ? 9 : priority >= 6 ? 6 : priority >= 3 ? 3 : 0;
    out[0] = '\0';
    if (step)
        snprintf(out, 16, "\x06\x16%u", step);
}

static void bury(struct restore *r, const char *tag)
{
    struct redis *redis = &r->broker->redis;
    r->pending++;
    redis_begin_script(redis, &r->broker->scripts.bury, 3, 7, on_moved, r);
    redis_arg_text(redis, KEY_UNACKED);
    redis_arg_text(redis, KEY_UNACKED_INDEX);
    redis_arg_text(redis, KEY_DEAD);
    redis_arg_text(redis, tag);
    redis_arg_text(redis, "");
    redis_arg_text(redis, "");
    redis_arg_text(redis,
                   "held in a form that is not [message, exchange, routing key]");
}

struct place { /* as kombu books it */
    struct str exchange, routing_key;
    int64_t priority;
};

/* To the front of the list it came from. Without an exchange the routing key is the
 * queue; else the script looks up what is bound to it. */
static void move_to_front(struct restore *r, const char *tag, const struct place *p,
                          struct str text)
{
    struct redis *redis = &r->broker->redis;
    char suffix[16], name[KEY_MAX_BYTES];
    bool named = p->exchange.n > 0;
    r->pending++;
    list_suffix(p->priority, suffix);
    redis_begin_script(redis, &r->broker->scripts.move, named ? 3 : 2, named ? 9 : 7,
                       on_moved, r);
    redis_arg_text(redis, KEY_UNACKED);
    redis_arg_text(redis, KEY_UNACKED_INDEX);
    if (named) {
        snprintf(name, sizeof(name), "_kombu.binding." STR_FMT, STR_ARG(p->exchange));
        redis_arg_text(redis, name);
    }
    snprintf(name, sizeof(name), STR_FMT "%s", STR_ARG(p->routing_key), suffix);
    redis_arg_text(redis, tag);
    redis_arg_text(redis, "front");
    redis_arg_text(redis, named ? suffix : name);
    redis_arg(redis, text);
    redis_arg_text(redis, "");
    if (named)
        redis_arg(redis, p->routing_key);
}

/* held is kombu's [envelope, exchange, routing_key]. */
static bool put_back(struct restore *r, struct arena *a, const char *tag,
                     struct str held)
{
    struct json_error why;
    struct envelope e;
    const char *fault;
    struct wr plain, marked;
    const ptl_value *triple = json_read(a, held, 0, &json_default_limits, &why);
    struct place p = {value_as_str(value_at(triple, 1)),
                      value_as_str(value_at(triple, 2)), 0};
    bool ok = value_len(triple) == 3 && p.routing_key.n < 300 && p.exchange.n < 300 &&
              p.routing_key.n + p.exchange.n > 0;

    wr_init(&plain, held.n * 6 + 64);
    wr_init(&marked, held.n * 6 + 256);
    if (ok)
        json_write(&plain, value_at(triple, 0));
    ok = ok && !plain.bad && envelope_read(a, wr_str(&plain), &e, &fault) &&
         envelope_mark_redelivered(a, wr_str(&plain), &marked) && !marked.bad;
    if (ok) {
        p.priority = e.priority;
        move_to_front(r, tag, &p, wr_str(&marked));
    }
    wr_finish(&plain);
    wr_finish(&marked);
    return ok;
}

static void on_forgotten(void *ctx, const redisReply *reply)
{
    settled_one(ctx, reply);
}

/* An index entry without a message: nothing is restored, only swept away. */
static void forget(struct restore *r, const char *tag)
{
    r->pending++;
    redis_words(&r->broker->redis, on_forgotten, r, "ZREM", KEY_UNACKED_INDEX, tag,
                NULL);
}

/* ---- slices ------------------------------------------------------------------- */

static void on_slice(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    size_t first = r->next;
    if (!reply || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements > r->ntags - r->next) {
        give_up(r, reply);
        return;
    }
    r->next += reply->elements;
    r->pending = 1; /* ours, so that the slice ends only below */
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *held = reply->element[i];
        struct arena a;
        arena_init(&a, (size_t)r->broker->config->message_max_bytes *
                           16); /* as for one taken */
        if (!held->str)
            forget(r, r->tags[first + i]);
        else if (!put_back(r, &a, r->tags[first + i],
                           (struct str){held->str, held->len}))
            bury(r, r->tags[first + i]);
        arena_finish(&a);
    }
    if (--r->pending == 0)
        next_slice(r);
}

/* The node's name goes last: while anything of it is left, somebody must know. */
static void node_done(struct restore *r)
{
    if (!r->incomplete)
        redis_words(&r->broker->redis, NULL, NULL, "HDEL", KEY_NODES, r->node, NULL);
    release(r);
    end(r);
}

static void on_unboxed(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    note_refusal(r, reply);
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

/* The dead node's inboxes, as it registered them; then its name goes. */
static void on_node(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    struct json_error why;
    struct arena a;
    if (!reply) {
        end(r);
        return;
    }
    arena_init(&a, 1 << 20);
    struct str text = {reply->str ? reply->str : "", reply->str ? reply->len : 0};
    const ptl_value *sources =
        value_get(json_read(&a, text, 0, &json_default_limits, &why), "sources");
    r->pending = 1;
    for (size_t i = 0; i < value_len(sources); i++) {
        struct str inbox = value_as_str(value_at(value_at(sources, i), 0));
        if (inbox.n > 14 && memcmp(inbox.p, "petiole.inbox.", 14) == 0)
            unbox(r, inbox, value_as_str(value_at(value_at(sources, i), 1)));
    }
    arena_finish(&a);
    if (--r->pending == 0)
        node_done(r);
}

static void all_restored(struct restore *r)
{
    report(r);
    if (r->kind == RESTORE_NODE && r->incomplete) {
        node_done(r);
        return;
    }
    if (r->kind == RESTORE_NODE) {
        redis_words(&r->broker->redis, on_node, r, "HGET", KEY_NODES, r->node, NULL);
        return;
    }
    if (r->kind == RESTORE_OVERDUE)
        release(r);
    end(r);
}

static void next_slice(struct restore *r)
{
    struct redis_broker *b = r->broker;
    size_t n = r->ntags - r->next < SLICE ? r->ntags - r->next : SLICE;
    if (n == 0) {
        all_restored(r);
        return;
    }
    redis_begin(&b->redis, 2 + (unsigned)n, on_slice, r);
    redis_arg_text(&b->redis, "HMGET");
    redis_arg_text(&b->redis, KEY_UNACKED);
    for (size_t i = 0; i < n; i++)
        redis_arg_text(&b->redis, r->tags[r->next + i]);
}

/* ---- finding the tags --------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    return strcmp(b, a); /* the counter has a fixed width */
}

static bool is_held(const struct redis_broker *b, const char *tag)
{
    const char *dot = strrchr(tag, '.');
    uint64_t counter = dot ? strtoull(dot + 1, NULL, 10) : 0;
    const struct list *lists[] = {&b->held, &b->acking};
    for (size_t i = 0; i < 2; i++)
        for (const struct list *l = lists[i]->next; l != lists[i]; l = l->next)
            if (l != &b->renewal_mark &&
                list_entry(l, const struct delivery, held)->tag == counter)
                return true;
    return false;
}

static void scan(struct restore *r, const char *cursor);

static void on_scanned(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !is_text(reply->element[0])) {
        give_up(r, reply);
        return;
    }
    const redisReply *pairs = reply->element[1];
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        const redisReply *tag = pairs->element[i];
        if (!is_text(tag) || (r->kind == RESTORE_OWN && is_held(r->broker, tag->str)))
            continue;
        if (!add_tag(r, tag->str, tag->len)) {
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
    next_slice(r);
}

static void scan(struct restore *r, const char *cursor)
{
    char pattern[TAG_BYTES];
    snprintf(pattern, sizeof(pattern), "%s.*", r->node);
    redis_words(&r->broker->redis, on_scanned, r, "ZSCAN", KEY_UNACKED_INDEX, cursor,
                "MATCH", pattern, "COUNT", "1000", NULL);
}

static void on_overdue(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        give_up(r, reply);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (is_text(reply->element[i]) &&
            !add_tag(r, reply->element[i]->str, reply->element[i]->len))
            break;
    next_slice(r);
}

static void on_locked(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    struct redis_broker *b = r->broker;
    if (!reply || reply->type != REDIS_REPLY_STATUS) {
        give_up(r, reply); /* somebody else is at it */
    } else if (r->kind == RESTORE_NODE) {
        scan(r, "0");
    } else {
        redis_begin_script(&b->redis, &b->scripts.overdue, 1, 3, on_overdue, r);
        redis_arg_text(&b->redis, KEY_UNACKED_INDEX);
        redis_arg_int(&b->redis, b->config->visibility_timeout_s);
        redis_arg_text(&b->redis, SWEEP_LIMIT);
    }
}

static void lock(struct restore *r)
{
    char key[KEY_MAX_BYTES];
    lock_key(r, key);
    redis_words(&r->broker->redis, on_locked, r, "SET", key, r->broker->id, "NX", "PX",
                r->kind == RESTORE_NODE ? LOCK_MS : "300000", NULL);
}

/* ---- watching ----------------------------------------------------------------- */

static struct absence *find_absence(struct redis_broker *b, const char *node)
{
    for (struct list *l = b->absent.next; l != &b->absent; l = l->next) {
        struct absence *a = list_entry(l, struct absence, link);
        if (strcmp(a->node, node) == 0)
            return a;
    }
    return NULL;
}

static void forget_absence(struct absence *a)
{
    list_remove(&a->link);
    free(a);
}

/* Drops those that were not missing in the newest answer; marks the rest unseen. */
static void keep_seen(struct redis_broker *b)
{
    for (struct list *l = b->absent.next, *next; l != &b->absent; l = next) {
        struct absence *a = list_entry(l, struct absence, link);
        next = l->next;
        if (!a->seen)
            forget_absence(a);
        else
            a->seen = false;
    }
}

static void note_absent(struct redis_broker *b, const char *node, uint64_t now)
{
    struct absence *a = find_absence(b, node);
    if (!a && strlen(node) < NODE_ID_BYTES && (a = calloc(1, sizeof(*a)))) {
        strcpy(a->node, node);
        a->since_ms = now;
        list_push(&b->absent, &a->link);
    }
    if (a)
        a->seen = true;
}

static void restore_one_dead(struct redis_broker *b, uint64_t now)
{
    for (struct list *l = b->absent.next; l != &b->absent; l = l->next) {
        struct absence *a = list_entry(l, struct absence, link);
        if (now - a->since_ms < NODE_TTL_MS)
            continue;
        struct restore *r = begin_restore(b, RESTORE_NODE);
        if (!r)
            return;
        strcpy(r->node, a->node);
        forget_absence(a);
        lock(r);
        return;
    }
}

static void on_absent(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    uint64_t now = uv_now(b->loop);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return;
    if (now - b->last_watch_ms > WATCH_GAP_MS)
        redis_restore_lost(b); /* a silence: nobody could have renewed meanwhile */
    b->last_watch_ms = now;
    for (size_t i = 0; i < reply->elements; i++)
        if (is_text(reply->element[i]) && strcmp(reply->element[i]->str, b->id) != 0)
            note_absent(b, reply->element[i]->str, now);
    keep_seen(b);
    if (!b->restore)
        restore_one_dead(b, now);
}

void redis_restore_watch(struct redis_broker *b)
{
    struct restore *r;
    redis_begin_script(&b->redis, &b->scripts.absent, 1, 2, on_absent, b);
    redis_arg_text(&b->redis, KEY_NODES);
    redis_arg_text(&b->redis, KEY_NODE);
    if (b->restore || b->quiescing)
        return;
    if (b->own_orphans && !b->fetching && (r = begin_restore(b, RESTORE_OWN))) {
        b->own_orphans = false;
        strcpy(r->node, b->id);
        scan(r, "0");
    } else if (uv_now(b->loop) >= b->next_sweep_ms &&
               (r = begin_restore(b, RESTORE_OVERDUE))) {
        b->next_sweep_ms = uv_now(b->loop) + SWEEP_MS;
        lock(r);
    }
}

void redis_restore_lost(struct redis_broker *b)
{
    while (!list_empty(&b->absent))
        forget_absence(list_entry(b->absent.next, struct absence, link));
}

void redis_restore_finish(struct redis_broker *b)
{
    redis_restore_lost(b);
    if (b->restore)
        end(b->restore);
}
