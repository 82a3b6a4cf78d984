/* SPDX-License-Identifier: Apache-2.0 */
#include "peers.h"

#include "../log/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FREQ_MAX_S 86400.0

struct peer {
    struct list link;
    uint32_t hash;
    bool drifts; /* said once */
    double freq_s;
    int64_t heard_ms;
    size_t bytes;
    char hostname[]; /* and a NUL */
};

void peers_init(struct peers *p)
{
    *p = (struct peers){0};
    list_init(&p->all);
}

static void forget(struct peers *p, struct peer *peer)
{
    list_remove(&peer->link);
    free(peer);
    p->n--;
}

void peers_finish(struct peers *p)
{
    while (!list_empty(&p->all))
        forget(p, list_entry(p->all.next, struct peer, link));
}

static uint32_t hash_of(struct str s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

static struct peer *find(const struct peers *p, struct str hostname)
{
    uint32_t hash = hash_of(hostname);
    for (struct list *l = p->all.next; l != &p->all; l = l->next) {
        struct peer *peer = list_entry(l, struct peer, link);
        if (peer->hash == hash &&
            str_eq((struct str){peer->hostname, peer->bytes}, hostname))
            return peer;
    }
    return NULL;
}

static struct peer *add(struct peers *p, struct str hostname)
{
    if (p->n >= PEERS_MAX) {
        if (!p->full)
            log_line(LOG_WARNING, "gossip: more than %u workers; others are not noted",
                     PEERS_MAX);
        p->full = true;
        return NULL;
    }
    struct peer *peer = malloc(sizeof(*peer) + hostname.n + 1);
    if (!peer)
        return NULL;
    *peer = (struct peer){.hash = hash_of(hostname),
                          .freq_s = PEERS_FREQ_S,
                          .bytes = hostname.n};
    memcpy(peer->hostname, hostname.p, hostname.n);
    peer->hostname[hostname.n] = '\0';
    list_push(&p->all, &peer->link);
    p->n++;
    return peer;
}

/* Seconds as str(datetime.fromtimestamp()). */
static const char *moment(double s, char out[40])
{
    time_t whole = (time_t)s;
    struct tm tm;
    localtime_r(&whole, &tm);
    strftime(out, 40, "%Y-%m-%d %H:%M:%S", &tm);
    return out;
}

static void check_drift(struct peer *peer, double timestamp_s)
{
    char here[40], there[40];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (peer->drifts || timestamp_s <= 0 || !(timestamp_s < 1e11))
        return;
    long long drift = llabs((long long)now.tv_sec - (long long)timestamp_s);
    if (drift <= PEERS_DRIFT_MAX_S)
        return;
    peer->drifts = true;
    log_line(
        LOG_WARNING,
        "Substantial drift from %s may mean clocks are out of sync.  Current drift "
        "is %lld seconds.  [orig: %s recv: %s]",
        peer->hostname, drift, moment((double)now.tv_sec, here),
        moment(timestamp_s, there));
}

static void leave(struct peers *p, struct peer *peer, struct str hostname)
{
    log_line(LOG_DEBUG, "%.*s left", STR_ARG(hostname));
    if (peer)
        forget(p, peer);
}

void peers_note(struct peers *p, const struct peer_event *e, int64_t now_ms)
{
    struct peer *peer = find(p, e->hostname);
    bool joins = !peer || str_is(e->type, "worker-online");
    if (e->hostname.n == 0 || e->hostname.n > PEERS_NAME_MAX)
        return;
    if (str_is(e->type, "worker-offline")) {
        leave(p, peer, e->hostname);
        return;
    }
    if (!peer && !(peer = add(p, e->hostname)))
        return;
    peer->heard_ms = now_ms;
    if (e->freq_s > 0)
        peer->freq_s = fmin(e->freq_s, FREQ_MAX_S);
    check_drift(peer, e->timestamp_s);
    if (joins)
        log_line(LOG_DEBUG, "%s joined the party", peer->hostname);
}

void peers_look(struct peers *p, int64_t now_ms, bool deaf)
{
    struct list *next;
    for (struct list *l = p->all.next; l != &p->all; l = next) {
        struct peer *peer = list_entry(l, struct peer, link);
        next = l->next;
        if (deaf)
            peer->heard_ms = now_ms;
        if ((double)(now_ms - peer->heard_ms) < peer->freq_s * 2 * 1000)
            continue;
        log_line(LOG_INFO, "missed heartbeat from %s", peer->hostname);
        forget(p, peer);
    }
}
