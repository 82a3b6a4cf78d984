/* SPDX-License-Identifier: Apache-2.0 */
#include "effects.h"

#include "../../../protocol/envelope.h"
#include "../../../protocol/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <ctype.h>
#include <math.h>

static struct arena arena;
static struct wr text;

static void put_header(const struct envelope *e, const char *name)
{
    struct str s = value_as_str(value_get(e->headers, name));

    wr_put(&text, s.p ? s : STR("-"));
}

static void put_message(struct str envelope)
{
    const struct str nothing = STR(", {\"callbacks\": null, \"errbacks\": null, "
                                   "\"chain\": null, \"chord\": null}]");
    struct envelope e;
    struct str body;
    const char *why;

    assert_true(envelope_read(&arena, envelope, &e, &why));
    body = envelope_body(&arena, &e);
    put_header(&e, "task");
    wr_text(&text, "[");
    put_header(&e, "id");
    wr_text(&text, "] ");
    if (body.n > nothing.n &&
        memcmp(body.p + body.n - nothing.n, nothing.p, nothing.n) == 0) {
        wr_put(&text, (struct str){body.p, body.n - nothing.n});
        wr_text(&text, "]");
    } else {
        wr_put(&text, body);
    }
    wr_text(&text, " ");
    put_header(&e, "parent_id");
    wr_text(&text, " of ");
    put_header(&e, "root_id");
}

static void put_place(double index)
{
    if (isinf(index))
        wr_text(&text, "inf");
    else
        wr_printf(&text, "%.0f", index);
}

static void put_effect(const struct frame_effect *e)
{
    switch (e->kind) {
    case EFFECT_PUBLISH:
        wr_printf(&text, "PUBLISH " STR_FMT " ", STR_ARG(e->routing_key));
        put_message(e->text);
        break;
    case EFFECT_STORE:
        wr_printf(&text, "STORE " STR_FMT " ", STR_ARG(e->id));
        wr_put(&text, e->text);
        break;
    case EFFECT_CHORD_SIZE:
        wr_printf(&text, "SIZE " STR_FMT " %lld", STR_ARG(e->group),
                  (long long)e->size);
        break;
    case EFFECT_CHORD_GROW:
        wr_printf(&text, "GROW " STR_FMT, STR_ARG(e->group));
        break;
    case EFFECT_GROUP:
        wr_printf(&text, "GROUP " STR_FMT " ", STR_ARG(e->group));
        wr_put(&text, e->text);
        break;
    case EFFECT_CHORD_PART:
        wr_printf(&text, "PART " STR_FMT " " STR_FMT " ", STR_ARG(e->group),
                  STR_ARG(e->id));
        put_place(e->index);
        wr_text(&text, " ");
        wr_put(&text, e->text);
        break;
    case EFFECT_CHORD_END:
        wr_printf(&text, "END " STR_FMT " %lld", STR_ARG(e->group), (long long)e->size);
        break;
    case EFFECT_REVOKE:
        wr_printf(&text, "REVOKE " STR_FMT, STR_ARG(e->id));
        break;
    }
    wr_text(&text, "\n");
}

const char *effects_hear(struct peer *p, const struct frame_done *d)
{
    struct frame_effect e;

    arena_finish(&arena);
    arena_init(&arena, (size_t)1 << 26);
    wr_finish(&text);
    wr_init(&text, (size_t)1 << 26);
    for (uint32_t i = 0; i < d->effects; i++) {
        assert_true(frame_get_effect(peer_hear(p, FRAME_EFFECT), &e));
        put_effect(&e);
    }
    wr_u8(&text, 0);
    assert_false(text.bad);
    return text.p;
}

/* Digits and dashes of an id or date that differs from run to run. */
static size_t span(const char *s)
{
    size_t uuid = strspn(s, "0123456789abcdef-");
    size_t date = strspn(s, "0123456789-:.T+");

    return uuid == 36 ? uuid : date >= 25 ? date : 0;
}

void effects_are(struct peer *p, const struct frame_done *d, const char *expected)
{
    const char *s = effects_hear(p, d);
    struct wr plain;

    wr_init(&plain, (size_t)1 << 26);
    while (*s) {
        size_t n = span(s);
        wr_put(&plain, n ? STR("<>") : (struct str){s, 1});
        s += n ? n : 1;
    }
    wr_u8(&plain, 0);
    if (strcmp(plain.p, expected) != 0)
        fail_msg("not what was expected:\n%s---\n%s", plain.p, expected);
    wr_finish(&plain);
}
