/* SPDX-License-Identifier: Apache-2.0 */
/* replay - hooks that write a record, and its comparison with the recorded one. */
#include "replay.h"
#include "../../../protocol/json.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

static void new_id(void *ctx, char id[UUID_TEXT])
{
    struct replay *r = ctx;

    snprintf(id, UUID_TEXT, "new-%u", ++r->ids);
}

static ptl_value *new_event(struct replay *r, const char *what)
{
    ptl_value *event = value_list(&r->arena, 6);

    value_list_add(&r->arena, event, value_text(&r->arena, what));
    value_list_add(&r->arena, r->events, event);
    return event;
}

static void add_str(struct replay *r, ptl_value *event, struct str s)
{
    value_list_add(&r->arena, event,
                   s.n ? value_str(&r->arena, s) : value_null(&r->arena));
}

/* Later changes must not reach what was recorded: it is kept as it was written. */
static void add_copy(struct replay *r, ptl_value *event, const ptl_value *v)
{
    struct wr text;

    wr_init(&text, (size_t)1 << 24);
    json_write(&text, v);
    value_list_add(&r->arena, event,
                   json_read(&r->arena, wr_str(&text), JSON_COPY_STRINGS, NULL, NULL));
    wr_finish(&text);
}

static bool call(void *ctx, const struct canvas_call *k)
{
    struct replay *r = ctx;
    ptl_value *event = new_event(r, "call");

    add_str(r, event, k->task);
    add_str(r, event, k->route_name);
    add_copy(r, event, k->args);
    add_copy(r, event, k->kwargs);
    add_copy(r, event, k->options);
    return true;
}

static bool chord_size(void *ctx, struct str group_id, int64_t size)
{
    struct replay *r = ctx;
    ptl_value *event = new_event(r, "size");

    add_str(r, event, group_id);
    value_list_add(&r->arena, event, value_int(&r->arena, size));
    return true;
}

static bool save_group(void *ctx, struct str group_id, const ptl_value *document)
{
    struct replay *r = ctx;
    ptl_value *event = new_event(r, "group");

    add_str(r, event, group_id);
    add_copy(r, event, document);
    return true;
}

static const struct canvas_hooks hooks = {new_id, call, chord_size, save_group};

void replay_note(struct replay *r, const char *what, struct str group_id)
{
    add_str(r, new_event(r, what), group_id);
}

static bool replay_line(struct str line, bool (*visit)(struct replay *r))
{
    struct replay r = {.ids = 0};

    arena_init(&r.arena, (size_t)1 << 26);
    r.line = json_read(&r.arena, line, JSON_COPY_STRINGS, NULL, NULL);
    if (!r.line)
        fail_msg("no JSON: " STR_FMT, STR_ARG(line));
    r.events = value_list(&r.arena, 8);
    r.canvas = (struct canvas){.arena = &r.arena,
                               .hooks = &hooks,
                               .ctx = &r,
                               .reply_to = STR("worker"),
                               .link_error_on_header =
                                   value_truth(value_get(r.line, "errbacks_on_header")),
                               .signatures_left = 100000};
    bool same = visit(&r);
    arena_finish(&r.arena);
    return same;
}

void replay_each(const char *path, bool (*visit)(struct replay *r))
{
    struct str all = golden_read(path);
    size_t lines = 0, differ = 0;

    for (char *line = (char *)all.p, *end; (end = strchr(line, '\n')); line = end + 1) {
        lines++;
        differ += !replay_line((struct str){line, (size_t)(end - line)}, visit);
    }
    free((char *)all.p);
    assert_true(lines > 100);
    if (differ)
        fail_msg("%zu of %zu vectors of %s differ", differ, lines, path);
}

/* ---- The same, ids aside ------------------------------------------------------- */

struct names {
    struct arena *arena;
    ptl_value *to, *from; /* expected id → made, and back */
};

static bool is_made(struct str s)
{
    return s.n > 4 && memcmp(s.p, "new-", 4) == 0;
}

static bool same_id(struct names *names, const ptl_value *e, const ptl_value *a)
{
    const ptl_value *to = value_find(names->to, e->u.s);

    if (to)
        return str_eq(to->u.s, a->u.s);
    if (value_find(names->from, a->u.s))
        return false;
    return value_map_set(names->arena, names->to, e->u.s, a) &&
           value_map_set(names->arena, names->from, a->u.s, e);
}

static const ptl_value *different(struct names *names, const ptl_value *e,
                                  const ptl_value *a, struct wr *path);

static const ptl_value *different_lists(struct names *names, const ptl_value *e,
                                        const ptl_value *a, struct wr *path)
{
    if (value_len(e) != value_len(a))
        return e;
    for (size_t i = 0; i < value_len(e); i++) {
        const ptl_value *found = different(names, value_at(e, i), value_at(a, i), path);
        if (found) {
            wr_printf(path, "%zu <", i);
            return found;
        }
    }
    return NULL;
}

/* The names of stamps come in no order. */
static bool same_set(const ptl_value *e, const ptl_value *a)
{
    for (size_t i = 0; i < value_len(e); i++) {
        bool found = false;
        for (size_t j = 0; j < value_len(a); j++)
            found = found || value_equal(value_at(e, i), value_at(a, j));
        if (!found)
            return false;
    }
    return value_len(e) == value_len(a);
}

static const ptl_value *different_maps(struct names *names, const ptl_value *e,
                                       const ptl_value *a, struct wr *path)
{
    for (size_t i = 0; i < value_len(e); i++) {
        struct value_pair *pair = &e->u.map.pairs[i];
        const ptl_value *other = value_find(a, pair->key), *found;
        if (str_is(pair->key, "stamped_headers") && same_set(pair->value, other))
            continue;
        found = other ? different(names, pair->value, other, path) : pair->value;
        if (found) {
            wr_printf(path, STR_FMT " < ", STR_ARG(pair->key));
            return found;
        }
    }
    return value_len(e) == value_len(a) ? NULL : e;
}

/* What is expected and not there, or NULL; the path to it from behind. */
static const ptl_value *different(struct names *names, const ptl_value *e,
                                  const ptl_value *a, struct wr *path)
{
    if (value_kind(e) != value_kind(a))
        return value_equal(e, a) ? NULL : e;
    if (value_kind(e) == PTL_LIST)
        return different_lists(names, e, a, path);
    if (value_kind(e) == PTL_MAP)
        return different_maps(names, e, a, path);
    if (value_kind(e) == PTL_STR && is_made(e->u.s) && is_made(a->u.s))
        return same_id(names, e, a) ? NULL : e;
    return value_equal(e, a) ? NULL : e;
}

static void say(struct replay *r, const char *what, const ptl_value *e,
                const ptl_value *a, struct wr *path)
{
    struct wr text;

    wr_init(&text, (size_t)1 << 20);
    wr_printf(&text, "%s: %s\n  at ", value_as_str(value_get(r->line, "what")).p, what);
    wr_put(&text, wr_str(path));
    wr_text(&text, "\n  expected ");
    json_write(&text, e);
    wr_text(&text, "\n  got      ");
    json_write(&text, a);
    wr_printf(&text, "\n  fault " STR_FMT "\n", STR_ARG(r->canvas.fault));
    fprintf(stderr, STR_FMT, STR_ARG(wr_str(&text)));
    wr_finish(&text);
}

bool replay_same(struct replay *r, const char *what, const ptl_value *expected,
                 const ptl_value *actual)
{
    struct names names = {&r->arena, value_map(&r->arena, 8), value_map(&r->arena, 8)};
    struct wr path;
    const ptl_value *found;

    wr_init(&path, 4096);
    found = different(&names, expected, actual, &path);
    if (found)
        say(r, what, expected, actual, &path);
    wr_finish(&path);
    return !found;
}

/* [events, trail, applied] */
static ptl_value *record(struct replay *r, const ptl_value *events,
                         const ptl_value *trail, const ptl_value *applied)
{
    ptl_value *all = value_list(&r->arena, 3);

    value_list_add(&r->arena, all, events);
    value_list_add(&r->arena, all, trail);
    if (value_get(r->line, "applied"))
        value_list_add(&r->arena, all, applied);
    return all;
}

static const ptl_value *list_of(struct replay *r, const ptl_value *trail)
{
    ptl_value *list = value_list(&r->arena, 1);

    if (!value_is_null(trail))
        value_list_add(&r->arena, list, trail);
    return list;
}

bool replay_check(struct replay *r, const ptl_value *trail)
{
    const ptl_value *line = r->line;
    struct str applied = r->canvas.applied;

    if (value_get(line, "error") && !r->canvas.fault_kind)
        return replay_same(r, "is refused", value_get(line, "error"), r->events);
    if (value_get(line, "error"))
        return true;
    return replay_same(r, "is applied",
                       record(r, value_get(line, "events"), value_get(line, "trail"),
                              value_get(line, "applied")),
                       record(r, r->events, list_of(r, trail),
                              applied.n ? value_str(&r->arena, applied)
                                        : value_null(&r->arena)));
}
