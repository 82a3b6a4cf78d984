/* SPDX-License-Identifier: Apache-2.0 */
/* program - a verb and its operands, which may be programs. */
#include "program.h"
#include "../../../protocol/canvas/steps.h"
#include "cmocka_all.h"

typedef ptl_value *verb(struct canvas *c, const ptl_value *p);

static ptl_value *operand(struct canvas *c, const ptl_value *p)
{
    return program_build(c, value_at(p, 1));
}

static ptl_value *build_all(struct canvas *c, const ptl_value *programs)
{
    ptl_value *list = value_list(c->arena, value_len(programs));

    for (size_t i = 0; list && i < value_len(programs); i++) {
        ptl_value *part = program_build(c, value_at(programs, i));
        if (!part || !canvas_add(c, list, part))
            return NULL;
    }
    return list;
}

static ptl_value *plain(struct canvas *c, const ptl_value *p, bool immutable)
{
    return canvas_signature(c, value_as_str(value_at(p, 1)), value_at(p, 2),
                            value_at(p, 3), value_at(p, 4), immutable);
}

static ptl_value *s(struct canvas *c, const ptl_value *p)
{
    return plain(c, p, false);
}

static ptl_value *si(struct canvas *c, const ptl_value *p)
{
    return plain(c, p, true);
}

static ptl_value *raw(struct canvas *c, const ptl_value *p)
{
    return signature_read(c, value_at(p, 1));
}

static ptl_value *chain(struct canvas *c, const ptl_value *p)
{
    ptl_value *parts = build_all(c, value_at(p, 1));

    return parts ? canvas_chain(c, parts) : NULL;
}

static ptl_value *group(struct canvas *c, const ptl_value *p)
{
    ptl_value *parts = build_all(c, value_at(p, 1));

    return parts ? canvas_group(c, parts) : NULL;
}

static ptl_value *chord(struct canvas *c, const ptl_value *p)
{
    ptl_value *header = build_all(c, value_at(p, 1));
    ptl_value *body = header ? program_build(c, value_at(p, 2)) : NULL;

    return body ? canvas_chord(c, header, body) : NULL;
}

static ptl_value *joined(struct canvas *c, const ptl_value *p)
{
    ptl_value *left = operand(c, p);
    ptl_value *right = left ? program_build(c, value_at(p, 2)) : NULL;

    return right ? canvas_or(c, left, right) : NULL;
}

static ptl_value *linked(struct canvas *c, const ptl_value *p)
{
    ptl_value *sig = operand(c, p);
    ptl_value *callback = sig ? program_build(c, value_at(p, 2)) : NULL;

    return callback && canvas_link_to(c, sig, callback) ? sig : NULL;
}

static ptl_value *link_errored(struct canvas *c, const ptl_value *p)
{
    ptl_value *sig = operand(c, p);
    ptl_value *errback = sig ? program_build(c, value_at(p, 2)) : NULL;

    return errback && canvas_link_error_to(c, sig, errback) ? sig : NULL;
}

static ptl_value *immutable(struct canvas *c, const ptl_value *p)
{
    ptl_value *sig = operand(c, p);

    return sig && canvas_make_immutable(c, sig) ? sig : NULL;
}

static ptl_value *set(struct canvas *c, const ptl_value *p)
{
    ptl_value *sig = operand(c, p);

    return sig && canvas_set(c, sig, value_at(p, 2)) ? sig : NULL;
}

static ptl_value *stamped(struct canvas *c, const ptl_value *p)
{
    ptl_value *sig = operand(c, p);

    return sig && canvas_stamp(c, sig, value_at(p, 2)) ? sig : NULL;
}

/* xmap(task, it), xstarmap(task, it), chunks(task, it, n). */
static ptl_value *mapped(struct canvas *c, const ptl_value *p)
{
    ptl_value *kwargs = value_map(c->arena, 3), *task = operand(c, p);
    struct str name = value_as_str(value_at(p, 0));

    canvas_put(c, kwargs, STR("task"), task);
    canvas_put(c, kwargs, STR("it"), value_at(p, 2));
    if (value_at(p, 3))
        canvas_put(c, kwargs, STR("n"), value_at(p, 3));
    return canvas_signature(c,
                            str_is(name, "map")       ? STR("celery.map")
                            : str_is(name, "starmap") ? STR("celery.starmap")
                                                      : STR("celery.chunks"),
                            NULL, kwargs, NULL, true);
}

ptl_value *program_build(struct canvas *c, const ptl_value *program)
{
    static const struct {
        const char *name;
        verb *verb;
    } verbs[] = {
        {"s", s},         {"si", si},          {"raw", raw},
        {"chain", chain}, {"group", group},    {"chord", chord},
        {"or", joined},   {"link", linked},    {"link_error", link_errored},
        {"set", set},     {"stamp", stamped},  {"immutable", immutable},
        {"map", mapped},  {"starmap", mapped}, {"chunks", mapped},
    };
    struct str name = value_as_str(value_at(program, 0));

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (str_is(name, verbs[i].name))
            return verbs[i].verb(c, program);
    fail_msg("no such verb: " STR_FMT, STR_ARG(name));
    return NULL;
}
