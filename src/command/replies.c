/* SPDX-License-Identifier: Apache-2.0 */
#include "replies.h"

#include "../../protocol/json.h"
#include "command.h"

#include <stdio.h>

#define OUTPUT_BYTES ((size_t)256 << 20)

void replies_begin(struct replies *r)
{
    r->nodes = value_map(r->arena, 8);
    r->kept = r->by_node ? value_map(r->arena, 8) : value_list(r->arena, 8);
    r->failed = !r->nodes || !r->kept;
}

static void print(struct replies *r, const struct wr *w)
{
    if (w->bad)
        r->failed = true;
    else
        fwrite(w->p, 1, w->len, stdout);
    fflush(stdout);
}

static void show(struct replies *r, struct str node, const ptl_value *reply)
{
    struct wr w;
    wr_init(&w, OUTPUT_BYTES);
    reply_write(&w, &r->style, node, reply);
    print(r, &w);
    wr_finish(&w);
}

/* The reply outlives the call of the bus. */
static const ptl_value *copied(struct replies *r, const ptl_value *v)
{
    struct json_error e;
    struct wr w;
    const ptl_value *copy = NULL;
    wr_init(&w, OUTPUT_BYTES);
    json_write(&w, v);
    if (!w.bad)
        copy = json_read(r->arena, arena_copy(r->arena, wr_str(&w)), 0,
                         &json_default_limits, &e);
    wr_finish(&w);
    return copy;
}

static bool keep(struct replies *r, struct str node, const ptl_value *body)
{
    const ptl_value *copy = copied(r, r->by_node ? body->u.map.pairs->value : body);
    return copy && (r->by_node ? value_map_set(r->arena, r->kept, node, copy)
                               : value_list_add(r->arena, r->kept, copy));
}

static void note_node(struct replies *r, struct str node)
{
    if (value_find(r->nodes, node))
        fprintf(stderr,
                "%s: several replies from %.*s: give each worker a name of its own "
                "(-n)\n",
                r->command, (int)(node.n < 100 ? node.n : 100), node.p);
    r->failed |= !value_map_set(r->arena, r->nodes, node, value_null(r->arena));
}

void replies_take(void *ctx, const struct bus_message *m)
{
    struct replies *r = ctx;
    if (value_kind(m->body) != PTL_MAP || !value_len(m->body) || !r->nodes || !r->kept)
        return;
    const struct value_pair *p = m->body->u.map.pairs;
    struct str node = arena_copy(r->arena, p->key);
    if (!r->json)
        show(r, p->key, p->value);
    note_node(r, node);
    if (r->json)
        r->failed |= !keep(r, node, m->body);
}

static void print_json(struct replies *r)
{
    struct wr w;
    wr_init(&w, OUTPUT_BYTES);
    json_write(&w, r->kept);
    wr_text(&w, "\n");
    print(r, &w);
    wr_finish(&w);
}

int replies_conclude(struct replies *r)
{
    size_t n = value_len(r->nodes);
    if (!n && !r->failed) {
        fputs("Error: No nodes replied within time constraint\n", stderr);
        return EXIT_NO_REPLY;
    }
    if (r->json)
        print_json(r);
    else if (r->counts)
        printf("\n%zu node%s online.\n", n, n == 1 ? "" : "s");
    if (r->failed)
        return command_complain(EXIT_FAILED, r->command,
                                "replies are missing: out of memory");
    return EXIT_STOPPED;
}
