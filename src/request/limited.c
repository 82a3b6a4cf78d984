/* SPDX-License-Identifier: Apache-2.0 */
/* A chained hash table whose items also stand in a list, in the order they came. */
#include "limited.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#define FIRST_BUCKETS 64

void limited_init(struct limited *s, size_t max, int64_t expires_ms)
{
    *s = (struct limited){.max = max, .expires_ms = expires_ms};
    list_init(&s->order);
    /* Unseeded if the kernel has no bytes yet: slower against an attacker, not wrong.
     */
    (void)!getrandom(s->key, sizeof(s->key), GRND_NONBLOCK);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct limited *s, struct str text)
{
    uint64_t h = s->key[0] ^ text.n, word;
    for (; text.n >= sizeof(word); text.p += sizeof(word), text.n -= sizeof(word)) {
        memcpy(&word, text.p, sizeof(word));
        h = mix(h ^ word, s->key[1] | 0xa0761d6478bd642fu);
    }
    word = 0;
    if (text.n)
        memcpy(&word, text.p, text.n);
    return mix(h ^ word, 0xe7037ed1a0b428dbu);
}

/* Where the pointer to the text's item stands, or would stand. */
static struct limited_item **find(const struct limited *s, struct str text, uint64_t h)
{
    struct limited_item **at = &s->buckets[h & (s->nbuckets - 1)];
    while (*at && !((*at)->hash == h && str_eq(limited_text(*at), text)))
        at = &(*at)->next;
    return at;
}

static bool grow(struct limited *s)
{
    size_t n = s->nbuckets ? s->nbuckets * 2 : FIRST_BUCKETS;
    struct limited_item **buckets = calloc(n, sizeof(struct limited_item *));
    if (!buckets)
        return s->nbuckets > 0; /* longer chains do, too */
    for (struct list *l = s->order.next; l != &s->order; l = l->next) {
        struct limited_item *item = list_entry(l, struct limited_item, link);
        struct limited_item **head = &buckets[item->hash & (n - 1)];
        item->next = *head;
        *head = item;
    }
    free(s->buckets);
    s->buckets = buckets;
    s->nbuckets = n;
    return true;
}

static void drop(struct limited *s, struct limited_item **at)
{
    struct limited_item *item = *at;
    assert(item); /* only what was found is dropped */
    *at = item->next;
    list_remove(&item->link);
    s->n--;
    free(item);
}

static void drop_item(struct limited *s, const struct limited_item *item)
{
    drop(s, find(s, limited_text(item), item->hash));
}

static bool is_past(const struct limited *s, const struct limited_item *item,
                    int64_t now_ms)
{
    return s->expires_ms > 0 && item->at_ms + s->expires_ms <= now_ms;
}

void limited_trim(struct limited *s, int64_t now_ms)
{
    struct limited_item *oldest;
    while ((oldest = limited_first(s)) && is_past(s, oldest, now_ms))
        drop_item(s, oldest);
}

static void make_room(struct limited *s, int64_t now_ms)
{
    if (s->n >= s->max)
        limited_trim(s, now_ms);
    struct limited_item *oldest;
    while (s->n >= s->max && (oldest = limited_first(s))) {
        drop_item(s, oldest);
        s->pushed_out++;
    }
}

bool limited_add(struct limited *s, struct str text, int64_t at_ms)
{
    if (text.n == 0 || text.n > LIMITED_TEXT_MAX || s->max == 0)
        return false;
    limited_remove(s, text);
    make_room(s, at_ms);
    struct limited_item *item = malloc(sizeof(*item) + text.n + 1);
    if (!item || (s->n >= s->nbuckets && !grow(s))) {
        free(item);
        return false;
    }
    *item = (struct limited_item){.hash = hash(s, text),
                                  .at_ms = at_ms,
                                  .bytes = (uint32_t)text.n};
    memcpy(item->text, text.p, text.n);
    item->text[text.n] = '\0';
    struct limited_item **at = find(s, text, item->hash);
    *at = item;
    list_push(&s->order, &item->link);
    s->n++;
    return true;
}

bool limited_has(const struct limited *s, struct str text)
{
    return s->n > 0 && *find(s, text, hash(s, text)) != NULL;
}

bool limited_remove(struct limited *s, struct str text)
{
    struct limited_item **at = s->n > 0 ? find(s, text, hash(s, text)) : NULL;
    if (!at || !*at)
        return false;
    drop(s, at);
    return true;
}

struct limited_item *limited_next(const struct limited *s,
                                  const struct limited_item *item)
{
    return item->link.next == &s->order
               ? NULL
               : list_entry(item->link.next, struct limited_item, link);
}

void limited_finish(struct limited *s)
{
    struct limited_item *item;
    while ((item = limited_first(s)))
        drop_item(s, item);
    free(s->buckets);
    *s = (struct limited){0};
    list_init(&s->order);
}
