/* SPDX-License-Identifier: Apache-2.0 */
#include "mingle.h"

#include "control_parts.h"

#include "../../protocol/json.h"
#include "../clock.h"
#include "../request/revocation.h"

#define TIMEOUT_S 1.0

/* ---- what is revoked ------------------------------------------------------------ */

static void put_revoked(struct control_items *l, struct worker *w)
{
    limited_trim(&w->revoke.ids, (int64_t)(uv_hrtime() / 1000000));
    for (struct limited_item *i = limited_first(&w->revoke.ids); i;
         i = limited_next(&w->revoke.ids, i)) {
        if (!control_item_begin(l))
            continue;
        json_write_str(l->call->reply, limited_text(i));
        control_item_end(l);
    }
}

/* The ids of a list, or of a map's keys. False without memory. */
static bool merge_revoked(struct worker *w, struct arena *a, const ptl_value *revoked)
{
    size_t n = value_len(revoked), found = 0;
    struct str *ids = arena_alloc(a, (n + 1) * sizeof(*ids));
    if (!ids)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str id = value_kind(revoked) == PTL_MAP
                            ? revoked->u.map.pairs[i].key
                            : value_as_str(value_at(revoked, i));
        if (id.n > 0)
            ids[found++] = id;
    }
    if (found > 0)
        revocation_revoke(w, ids, found);
    return true;
}

static bool holds_ids(const ptl_value *v)
{
    return value_kind(v) == PTL_LIST || value_kind(v) == PTL_MAP;
}

/* ---- answering ------------------------------------------------------------------ */

static bool take_revoked(struct control_call *c)
{
    const ptl_value *v = control_argument(c, "revoked");
    if (!value_truth(v))
        return true;
    if (!holds_ids(v)) {
        control_raise(c, "TypeError", "'%s' object is not iterable",
                      control_type_name(v));
        return false;
    }
    if (merge_revoked(c->worker, c->arena, v))
        return true;
    control_raise(c, "MemoryError", "too many ids");
    return false;
}

static void hello(struct control_call *c)
{
    struct worker *w = c->worker;
    const ptl_value *from = value_get(c->arguments, "from_node");
    struct control_items ids;
    struct wr shown;
    if (str_is(value_as_str(from), w->config->hostname))
        return; /* our own question */
    wr_init(&shown, 4096);
    if (value_kind(from) == PTL_STR)
        wr_put(&shown,
               (struct str){from->u.s.p, from->u.s.n < 500 ? from->u.s.n : 500});
    else
        pyrepr_cut(&shown, from, 500);
    log_line(LOG_INFO, "sync with %.*s", STR_ARG(wr_str(&shown)));
    wr_finish(&shown);
    if (!take_revoked(c))
        return;
    wr_printf(c->reply, "{\"clock\": %llu, \"revoked\": ",
              (unsigned long long)clock_forward(&w->clock));
    control_items_begin(&ids, c, '[');
    put_revoked(&ids, w);
    control_items_end(&ids);
    wr_text(c->reply, "}");
}

/* ---- asking --------------------------------------------------------------------- */

static void sync_with(struct worker *w, const struct bus_message *m, struct str node,
                      const ptl_value *reply)
{
    const ptl_value *revoked = value_get(reply, "revoked");
    int64_t clock = value_as_int(value_get(reply, "clock"), 0);
    log_line(LOG_DEBUG, "mingle: processing reply from %.*s", STR_ARG(node));
    clock_adjust(&w->clock, clock > 0 ? (uint64_t)clock : 0);
    bool good =
        value_kind(reply) == PTL_MAP && (!value_truth(revoked) || holds_ids(revoked));
    if (!good)
        log_line(LOG_ERROR,
                 "mingle: sync with %.*s failed: its reply is not what hello answers",
                 STR_ARG(node));
    else if (value_truth(revoked) && !merge_revoked(w, m->arena, revoked))
        log_line(LOG_ERROR, "mingle: sync with %.*s failed: out of memory",
                 STR_ARG(node));
}

static void on_reply(void *ctx, const struct bus_message *m)
{
    struct worker *w = ctx;
    for (size_t i = 0; value_kind(m->body) == PTL_MAP && i < value_len(m->body); i++) {
        const struct value_pair *pair = &m->body->u.map.pairs[i];
        if (str_is(pair->key, w->config->hostname))
            continue;
        w->mingling.neighbours++;
        if (!value_truth(pair->value))
            continue;
        w->mingling.synced++;
        sync_with(w, m, pair->key, pair->value);
    }
}

static void on_done(void *ctx, const char *why)
{
    struct worker *w = ctx;
    w->mingling.asking = false;
    if (w->state >= WORKER_STOPPING)
        return;
    if (why) {
        log_line(LOG_WARNING, "mingle: nobody could be asked: %s", why);
    } else if (w->mingling.neighbours == 0) {
        log_line(LOG_INFO, "mingle: all alone");
    } else {
        log_line(LOG_INFO, "mingle: sync with %zu nodes", w->mingling.synced);
        log_line(LOG_INFO, "mingle: sync complete");
    }
}

static void ask(struct worker *w, struct wr *arguments)
{
    const struct bus_request request = {.method = STR("hello"),
                                        .arguments = wr_str(arguments),
                                        .clock = clock_forward(&w->clock),
                                        .timeout_s = TIMEOUT_S};
    w->mingling.asking = true;
    w->mingling.neighbours = w->mingling.synced = 0;
    w->bus->ops->ask(w->bus, &request, on_reply, on_done, w);
}

void mingle_begin(struct worker *w)
{
    struct wr arguments;
    struct control_call none = {.worker = w, .reply = &arguments};
    struct control_items ids;
    if (w->config->without_mingle || w->mingling.asking)
        return;
    log_line(LOG_INFO, "mingle: searching for neighbors");
    wr_init(&arguments, CONTROL_REPLY_MAX);
    wr_text(&arguments, "{\"from_node\": ");
    json_write_str(&arguments, str_of(w->config->hostname));
    wr_text(&arguments, ", \"revoked\": ");
    control_items_begin(&ids, &none, '[');
    put_revoked(&ids, w);
    control_items_end(&ids);
    wr_text(&arguments, "}");
    if (!arguments.bad)
        ask(w, &arguments);
    wr_finish(&arguments);
}

const struct control_command control_mingle_commands[] = {
    {.name = "hello", .arguments = "from_node [revoked] *", .run = hello},
    {0},
};
