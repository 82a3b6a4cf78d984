/* SPDX-License-Identifier: Apache-2.0 */
/* pretend - the hooks write down what they are asked for. */
#include "pretend.h"

#include "../../../protocol/json.h"
#include "cmocka_all.h"

#include <stdio.h>

static void new_id(void *ctx, char id[UUID_TEXT])
{
    struct pretend *p = ctx;

    snprintf(id, UUID_TEXT, "id-%u", ++p->ids);
}

static bool call(void *ctx, const struct canvas_call *k)
{
    struct pretend *p = ctx;

    p->calls++;
    wr_put(&p->noted, k->task);
    if (k->route_name.n)
        wr_printf(&p->noted, " as " STR_FMT, STR_ARG(k->route_name));
    wr_text(&p->noted, " ");
    json_write(&p->noted, k->args);
    wr_text(&p->noted, " ");
    json_write(&p->noted, k->kwargs);
    wr_text(&p->noted, " ");
    json_write(&p->noted, k->options);
    wr_text(&p->noted, "\n");
    return true;
}

static bool chord_size(void *ctx, struct str group_id, int64_t size)
{
    struct pretend *p = ctx;

    wr_printf(&p->noted, "size " STR_FMT " %lld\n", STR_ARG(group_id), (long long)size);
    return true;
}

static bool save_group(void *ctx, struct str group_id, const ptl_value *document)
{
    struct pretend *p = ctx;

    wr_printf(&p->noted, "save " STR_FMT " ", STR_ARG(group_id));
    json_write(&p->noted, document);
    wr_text(&p->noted, "\n");
    return true;
}

static const struct canvas_hooks hooks = {new_id, call, chord_size, save_group};

void pretend_start(struct pretend *p)
{
    memset(p, 0, sizeof(*p));
    arena_init(&p->arena, (size_t)1 << 30);
    wr_init(&p->noted, (size_t)1 << 30);
    p->canvas = (struct canvas){.arena = &p->arena,
                                .hooks = &hooks,
                                .ctx = p,
                                .reply_to = STR("me"),
                                .signatures_left = 1000000};
}

void pretend_finish(struct pretend *p)
{
    wr_finish(&p->noted);
    arena_finish(&p->arena);
}

const ptl_value *pretend_value(struct pretend *p, const char *text)
{
    char *json = text ? arena_strdup(&p->arena, text) : NULL;
    const ptl_value *v;

    if (!json)
        return NULL;
    for (char *quote = json; (quote = strchr(quote, '\''));)
        *quote = '"';
    v = json_read(&p->arena, str_of(json), 0, NULL, NULL);
    assert_non_null(v);
    return v;
}

const char *pretend_apply(struct pretend *p, const char *sig, const char *args,
                          const char *options)
{
    const ptl_value *result;
    struct wr text;
    char *kept;

    wr_reset(&p->noted);
    p->calls = 0;
    result = canvas_apply(&p->canvas, pretend_value(p, sig), pretend_value(p, args),
                          pretend_value(p, options));
    if (!result)
        return "fault";
    wr_init(&text, (size_t)1 << 30);
    json_write(&text, result);
    kept = arena_alloc(&p->arena, text.len + 1);
    assert_non_null(kept);
    memcpy(kept, text.p, text.len);
    kept[text.len] = '\0';
    wr_finish(&text);
    return kept;
}

const char *pretend_noted(struct pretend *p)
{
    char *kept = arena_alloc(&p->arena, p->noted.len + 1);

    assert_non_null(kept);
    if (p->noted.len)
        memcpy(kept, p->noted.p, p->noted.len);
    kept[p->noted.len] = '\0';
    return kept;
}
