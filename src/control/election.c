/* SPDX-License-Identifier: Apache-2.0 */
#include "election.h"

#include "control_parts.h"
#include "gossip_parts.h"

#include "../../protocol/json.h"

#include <stdlib.h>
#include <unistd.h>

#define NODE_MAX (PEERS_NAME_MAX + 32)

struct election {
    struct list link;
    bool ours; /* the command was heard here */
    bool late; /* whoever has not stood by now will not */
    size_t acks, candidates;
    size_t owed;   /* acks that are held back */
    int64_t clock; /* of the lowest candidate, as what follows */
    char node[NODE_MAX];
    char *topic, *action; /* JSON; action NULL: it was too large to keep */
    char id[];            /* JSON */
};

void elections_init(struct elections *e, struct gossip *g, uv_loop_t *loop)
{
    *e = (struct elections){.gossip = g};
    list_init(&e->all);
    uv_timer_init(loop, &e->patience);
    e->patience.data = e;
}

static void forget(struct elections *all, struct election *e)
{
    list_remove(&e->link);
    free(e->topic);
    free(e->action);
    free(e);
    all->n--;
}

void elections_finish(struct elections *e)
{
    while (!list_empty(&e->all))
        forget(e, list_entry(e->all.next, struct election, link));
}

/* NULL if it is longer than max, or without memory. The caller's. */
static char *json_of(const ptl_value *v, size_t max)
{
    static const ptl_value none = {.kind = PTL_NULL};
    struct wr w;
    wr_init(&w, max);
    json_write(&w, v ? v : &none);
    char *text = w.bad ? NULL : strndup(w.p, w.len);
    wr_finish(&w);
    return text;
}

/* Found, or made if `make`. */
static struct election *find(struct elections *all, const ptl_value *id, bool make)
{
    char *text = json_of(id, ELECTION_ID_MAX);
    struct election *e = NULL;
    if (!text)
        return NULL;
    for (struct list *l = all->all.next; l != &all->all && !e; l = l->next)
        if (strcmp(list_entry(l, struct election, link)->id, text) == 0)
            e = list_entry(l, struct election, link);
    size_t bytes = strlen(text) + 1;
    if (!e && make && (e = calloc(1, sizeof(*e) + bytes))) {
        memcpy(e->id, text, bytes);
        if (all->n == ELECTIONS_MAX)
            forget(all, list_entry(all->all.next, struct election, link));
        list_push(&all->all, &e->link);
        all->n++;
    }
    free(text);
    return e;
}

/* ---- the command ---------------------------------------------------------------- */

static void put_member(struct wr *w, const char *name, const ptl_value *v)
{
    static const ptl_value none = {.kind = PTL_NULL};
    wr_printf(w, "%s\"%s\": ", w->len ? ", " : "", name);
    json_write(w, v ? v : &none);
}

void election_hold(struct control_call *c)
{
    struct worker *w = c->worker;
    const ptl_value *id = value_get(c->arguments, "id");
    struct election *e = w->gossip ? find(&w->gossip->elections, id, true) : NULL;
    struct wr fields;
    if (!w->gossip)
        return;
    if (!e) {
        control_raise(c, "ValueError", "an election's id has at most %u bytes",
                      ELECTION_ID_MAX);
        return;
    }
    e->ours = true;
    e->acks = 0;
    wr_init(&fields, ELECTION_ACTION_MAX + 8192);
    put_member(&fields, "id", id);
    put_member(&fields, "topic", value_get(c->arguments, "topic"));
    put_member(&fields, "action", value_get(c->arguments, "action"));
    wr_text(&fields, ", \"cver\": 1");
    if (fields.bad)
        control_raise(c, "ValueError", "an election's action has at most %zu bytes",
                      ELECTION_ACTION_MAX);
    else
        events_send_worker(&w->events, "worker-elect", wr_str(&fields));
    wr_finish(&fields);
}

/* ---- candidates ----------------------------------------------------------------- */

static const char *missing_field(const ptl_value *event)
{
    static const char *const names[] = {"id",    "clock",  "hostname", "pid",
                                        "topic", "action", "cver"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!value_get(event, names[i]))
            return names[i];
    return NULL;
}

static void name_node(char out[NODE_MAX], struct str hostname, int64_t pid)
{
    int n = hostname.n < PEERS_NAME_MAX ? (int)hostname.n : (int)PEERS_NAME_MAX;
    snprintf(out, NODE_MAX, "%.*s.%lld", n, n ? hostname.p : "", (long long)pid);
}

static void stand(struct election *e, const ptl_value *event)
{
    char node[NODE_MAX];
    int64_t clock = value_as_int(value_get(event, "clock"), 0);
    name_node(node, value_as_str(value_get(event, "hostname")),
              value_as_int(value_get(event, "pid"), 0));
    bool lowest = e->candidates++ == 0 || clock < e->clock ||
                  (clock == e->clock && strcmp(node, e->node) < 0);
    if (!lowest)
        return;
    free(e->topic);
    free(e->action);
    e->clock = clock;
    e->topic = json_of(value_get(event, "topic"), 4096);
    e->action = json_of(value_get(event, "action"), ELECTION_ACTION_MAX);
    memcpy(e->node, node, sizeof(node));
}

static void send_acks(struct gossip *g, struct election *e)
{
    struct wr fields;
    wr_init(&fields, 8 * ELECTION_ID_MAX);
    wr_printf(&fields, "\"id\": %s", e->id);
    for (; e->owed > 0; e->owed--)
        events_send_worker(&g->worker->events, "worker-elect-ack", wr_str(&fields));
    wr_finish(&fields);
}

static void on_patience(uv_timer_t *timer)
{
    struct elections *all = timer->data;
    for (struct list *l = all->all.next; l != &all->all; l = l->next) {
        struct election *e = list_entry(l, struct election, link);
        e->late = true;
        send_acks(all->gossip, e);
    }
}

void election_candidate(struct gossip *g, const ptl_value *event)
{
    const char *missing = missing_field(event);
    struct election *e;
    if (missing) {
        log_line(LOG_ERROR, "election request missing field '%s'", missing);
        return;
    }
    e = find(&g->elections, value_get(event, "id"), true);
    if (!e)
        return;
    stand(e, event);
    e->owed++;
    if (e->late || e->candidates > g->peers.n)
        send_acks(g, e);
    else
        uv_timer_start(&g->elections.patience, on_patience, ELECTION_PATIENCE_MS, 0);
}

/* ---- the end -------------------------------------------------------------------- */

static void act(struct gossip *g, const struct election *e)
{
    if (!e->topic || strcmp(e->topic, "\"task\"") != 0)
        log_line(LOG_ERROR, "Unknown election topic %s", e->topic ? e->topic : "");
    else if (!e->action)
        log_line(LOG_ERROR,
                 "Could not call task: its signature is larger than %zu bytes",
                 ELECTION_ACTION_MAX);
    else
        elected_call(&g->elected, str_of(e->action));
}

static void decide(struct gossip *g, const struct election *e, const ptl_value *id)
{
    char us[NODE_MAX];
    struct wr shown;
    wr_init(&shown, 8 * ELECTION_ID_MAX);
    pyrepr_cut(&shown, id, ELECTION_ID_MAX);
    name_node(us, str_of(g->worker->config->hostname), getpid());
    if (strcmp(us, e->node) == 0) {
        log_line(LOG_INFO, "I won the election %.*s", STR_ARG(wr_str(&shown)));
        act(g, e);
    } else {
        log_line(LOG_INFO, "node %s elected for %.*s", e->node,
                 STR_ARG(wr_str(&shown)));
    }
    wr_finish(&shown);
}

void election_ack(struct gossip *g, const ptl_value *event)
{
    const ptl_value *id = value_get(event, "id");
    struct election *e = id ? find(&g->elections, id, false) : NULL;
    size_t others = g->peers.n;
    if (!e || !e->ours)
        return; /* not for us */
    e->acks++;
    if (e->acks < others || (others > 0 && e->candidates < 2 && !e->late))
        return;
    decide(g, e, id);
    forget(&g->elections, e);
}
