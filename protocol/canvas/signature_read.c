/* SPDX-License-Identifier: Apache-2.0 */
/* signature_read - an own signature from any value.
 *
 * As Celery's from_dict: chains and groups forget args and `immutable`, maps and chunks
 * are immutable tasks that forget what they were, and the header of a chord is a list,
 * whatever was given. */
#include "signature.h"

static bool refuse(struct canvas *c, const char *kind, const char *what)
{
    return canvas_fault(c, kind, "cannot read a signature: %s", what);
}

/* The field if it has the kind; an empty one if it is missing or null. */
static const ptl_value *field(struct canvas *c, const ptl_value *v, const char *name,
                              ptl_kind kind)
{
    const ptl_value *found = value_get(v, name);

    if (value_is_null(found)) {
        found = kind == PTL_LIST ? value_list(c->arena, 0) : value_map(c->arena, 0);
        if (!found)
            canvas_fault_memory(c);
        return found;
    }
    if (value_kind(found) == kind)
        return found;
    canvas_fault(c, "TypeError", "cannot read a signature: its %s are no %s", name,
                 kind == PTL_LIST ? "list" : "object");
    return NULL;
}

static ptl_value *read_list(struct canvas *c, const ptl_value *tasks)
{
    ptl_value *list = value_list(c->arena, value_len(tasks));

    if (!list)
        canvas_fault_memory(c);
    for (size_t i = 0; list && i < value_len(tasks); i++) {
        ptl_value *task = signature_read(c, value_at(tasks, i));
        if (!task || !canvas_add(c, list, task))
            return NULL;
    }
    return list;
}

static const ptl_value *required(struct canvas *c, const ptl_value *kwargs,
                                 const char *name, const char *what)
{
    const ptl_value *found = value_get(kwargs, name);

    if (!found)
        refuse(c, "KeyError", what);
    return found;
}

/* Of a chain or a group: its tasks, and nothing else of its arguments. */
static ptl_value *read_tasks(struct canvas *c, enum signature_type type,
                             const ptl_value *kwargs, const ptl_value *options)
{
    bool chain = type == SIGNATURE_CHAIN;
    const ptl_value *tasks = required(c, kwargs, "tasks",
                                      chain ? "a chain without kwargs.tasks"
                                            : "a group without kwargs.tasks");
    ptl_value *own, *list, *sig = NULL;

    if (tasks && value_kind(tasks) != PTL_LIST)
        refuse(c, "TypeError",
               chain ? "the tasks of a chain are no list"
                     : "the tasks of a group are no list");
    if (c->fault_kind || !(list = read_list(c, tasks)))
        return NULL;
    own = value_map(c->arena, 1);
    if (canvas_put(c, own, STR("tasks"), list))
        sig = signature_make(c, chain ? STR("celery.chain") : STR("celery.group"), type,
                             NULL, own, options);
    return sig && signature_take_immutable(c, sig) ? sig : NULL;
}

/* A header may be a list, a group, a chain (its tasks), or one task. */
static ptl_value *read_header(struct canvas *c, const ptl_value *header)
{
    ptl_value *sig, *list;

    if (value_kind(header) == PTL_LIST)
        return read_list(c, header);
    if (value_kind(header) != PTL_MAP) {
        refuse(c, "TypeError", "the header of a chord is no list");
        return NULL;
    }
    sig = signature_read(c, header);
    if (!sig)
        return NULL;
    if (signature_type(sig) == SIGNATURE_GROUP ||
        signature_type(sig) == SIGNATURE_CHAIN)
        return signature_tasks(sig);
    list = value_list(c->arena, 1);
    return canvas_add(c, list, sig) ? list : NULL;
}

/* Its arguments beside header and body: `kwargs`, those of the header's tasks. */
static bool read_chord_kwargs(struct canvas *c, const ptl_value *kwargs, ptl_value *own)
{
    bool has_kwargs = false;

    for (size_t i = 0; i < value_len(kwargs); i++) {
        const struct value_pair *pair = &kwargs->u.map.pairs[i];
        if (str_is(pair->key, "header") || str_is(pair->key, "body") ||
            (str_is(pair->key, "kwargs") && value_is_null(pair->value)))
            continue;
        has_kwargs = has_kwargs || str_is(pair->key, "kwargs");
        if (str_is(pair->key, "kwargs") && value_kind(pair->value) != PTL_MAP)
            return refuse(c, "TypeError",
                          "the kwargs of a chord's header are no object");
        if (!canvas_put(c, own, pair->key, pair->value))
            return false;
    }
    return has_kwargs || canvas_put(c, own, STR("kwargs"), value_map(c->arena, 0));
}

static ptl_value *with_args(struct canvas *c, const ptl_value *v, ptl_value *sig)
{
    const ptl_value *args = sig ? field(c, v, "args", PTL_LIST) : NULL;

    return args && canvas_put(c, sig, STR("args"), args) &&
                   canvas_put(c, sig, STR("immutable"),
                              value_bool(c->arena, signature_immutable(v)))
               ? sig
               : NULL;
}

static ptl_value *read_chord(struct canvas *c, const ptl_value *v,
                             const ptl_value *kwargs, const ptl_value *options)
{
    const ptl_value *header =
        required(c, kwargs, "header", "a chord without kwargs.header");
    const ptl_value *body = value_get(kwargs, "body");
    ptl_value *own = value_map(c->arena, value_len(kwargs) + 1);

    if (!own)
        canvas_fault_memory(c);
    if (!header || !own || !read_chord_kwargs(c, kwargs, own))
        return NULL;
    header = read_header(c, header);
    body = value_is_null(body) ? value_null(c->arena) : signature_read(c, body);
    if (!header || !body || !canvas_put(c, own, STR("header"), header) ||
        !canvas_put(c, own, STR("body"), body))
        return NULL;
    return with_args(c, v,
                     signature_make(c, signature_task(v), SIGNATURE_CHORD, NULL, own,
                                    options));
}

/* xmap, xstarmap, chunks: `task`, `it` and for chunks `n`. */
static ptl_value *read_mapped(struct canvas *c, enum signature_type type,
                              const ptl_value *kwargs, const ptl_value *options)
{
    struct str task = type == SIGNATURE_MAP       ? STR("celery.map")
                      : type == SIGNATURE_STARMAP ? STR("celery.starmap")
                                                  : STR("celery.chunks");
    const ptl_value *it = required(c, kwargs, "it", "a map without kwargs.it");
    const ptl_value *of = required(c, kwargs, "task", "a map without kwargs.task");
    ptl_value *own = value_map(c->arena, 3);

    if (it && value_kind(it) != PTL_LIST)
        refuse(c, "TypeError", "what it is to be mapped over is no list");
    if (c->fault_kind || !canvas_put(c, own, STR("task"), of) ||
        !canvas_put(c, own, STR("it"), it))
        return NULL;
    if (type == SIGNATURE_CHUNKS) {
        const ptl_value *n = required(c, kwargs, "n", "chunks without kwargs.n");
        if (!n || !canvas_put(c, own, STR("n"), n))
            return NULL;
    }
    return signature_make(c, task, type, NULL, own, options);
}

static bool text_or_null(const ptl_value *options, const char *key)
{
    const ptl_value *v = value_get(options, key);

    return value_is_null(v) || value_as_str(v).n;
}

bool signature_check_options(struct canvas *c, const ptl_value *options)
{
    const ptl_value *stamps = value_get(options, "stamped_headers");

    if (!value_is_null(options) && value_kind(options) != PTL_MAP)
        return refuse(c, "TypeError", "its options are no object");
    if (!value_is_null(stamps) && value_kind(stamps) != PTL_LIST)
        return refuse(c, "TypeError", "its stamped_headers are no list");
    if (!text_or_null(options, "task_id") || !text_or_null(options, "group_id"))
        return refuse(c, "TypeError", "its task_id or group_id is no text");
    return true;
}

/* Every type but a plain task's must be one that is known. */
static bool check(struct canvas *c, const ptl_value *v)
{
    const ptl_value *type = value_get(v, "subtask_type");

    if (value_kind(v) != PTL_MAP)
        return refuse(c, "TypeError", "it is no object");
    if (value_truth(type) && signature_type(v) == SIGNATURE_TASK)
        return value_kind(type) == PTL_STR
                   ? canvas_fault(c, "KeyError",
                                  "cannot read a signature: no subtask_type is called "
                                  "'%.*s'",
                                  (int)(type->u.s.n < 80 ? type->u.s.n : 80),
                                  type->u.s.p)
                   : refuse(c, "TypeError", "its subtask_type is no text");
    if (!signature_task(v).n)
        return refuse(c, "KeyError", "it names no task");
    return signature_check_options(c, value_get(v, "options"));
}

static ptl_value *read_checked(struct canvas *c, const ptl_value *v)
{
    const ptl_value *kwargs = field(c, v, "kwargs", PTL_MAP);
    const ptl_value *options = field(c, v, "options", PTL_MAP);

    if (!kwargs || !options)
        return NULL;
    switch (signature_type(v)) {
    case SIGNATURE_TASK:
        return with_args(c, v,
                         signature_make(c, signature_task(v), SIGNATURE_TASK, NULL,
                                        canvas_copy_map(c, kwargs, 0), options));
    case SIGNATURE_CHAIN:
    case SIGNATURE_GROUP:
        return read_tasks(c, signature_type(v), kwargs, options);
    case SIGNATURE_CHORD:
        return read_chord(c, v, kwargs, options);
    default:
        return read_mapped(c, signature_type(v), kwargs, options);
    }
}

ptl_value *signature_read(struct canvas *c, const ptl_value *v)
{
    ptl_value *sig;

    if (!check(c, v) || !canvas_enter(c))
        return NULL;
    sig = read_checked(c, v);
    canvas_leave(c);
    return sig;
}
