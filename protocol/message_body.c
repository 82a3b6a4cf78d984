/* SPDX-License-Identifier: Apache-2.0 */
/* message_body - what a task is called with: [args, kwargs, embed], or the mapping of a
 * message of version 1. */
#include "base64.h"
#include "message_content.h"

static const char *kind_name(const ptl_value *v)
{
    static const char *const names[] = {
        [PTL_NULL] = "null",       [PTL_BOOL] = "a bool",    [PTL_INT] = "a number",
        [PTL_BIGINT] = "a number", [PTL_FLOAT] = "a number", [PTL_STR] = "a string",
        [PTL_BYTES] = "bytes",     [PTL_LIST] = "a list",    [PTL_MAP] = "a map",
    };

    return names[value_kind(v)];
}

static enum message_fault check_parts(struct content *c, struct message_body *b)
{
    if (value_kind(b->args) != PTL_LIST)
        return content_fault(c, MESSAGE_BAD_FIELD, "args is not a list but %s",
                             kind_name(b->args));
    if (value_kind(b->kwargs) != PTL_MAP)
        return content_fault(c, MESSAGE_BAD_FIELD, "kwargs is not a mapping but %s",
                             kind_name(b->kwargs));
    if (value_is_null(b->embed))
        b->embed = NULL;
    else if (value_kind(b->embed) != PTL_MAP)
        return content_fault(c, MESSAGE_BAD_FIELD, "embed is not a mapping but %s",
                             kind_name(b->embed));
    return MESSAGE_OK;
}

static enum message_fault take_list_apart(struct content *c, const ptl_value *root,
                                          struct message_body *b)
{
    if (value_len(root) != 3)
        return content_fault(c, MESSAGE_BAD_FIELD,
                             "the body is not [args, kwargs, embed] but a list of %zu",
                             value_len(root));
    *b = (struct message_body){.args = value_at(root, 0),
                               .kwargs = value_at(root, 1),
                               .embed = value_at(root, 2)};
    return check_parts(c, b);
}

/* A version 1 message knows no chain, whatever it carries. */
static ptl_value *embed_of(struct arena *a, const ptl_value *mapping)
{
    static const char *const keys[] = {"callbacks", "errbacks", "chain", "chord"};
    ptl_value *embed = value_map(a, sizeof(keys) / sizeof(keys[0]));

    for (size_t i = 0; embed && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const ptl_value *v =
            strcmp(keys[i], "chain") == 0 ? NULL : value_get(mapping, keys[i]);
        if (!value_map_set(a, embed, str_of(keys[i]), v ? v : value_null(a)))
            return NULL;
    }
    return embed;
}

static enum message_fault take_map_apart(struct content *c, const ptl_value *root,
                                         struct message_body *b)
{
    static const ptl_value no_args = {.kind = PTL_LIST}, no_kwargs = {.kind = PTL_MAP};
    const ptl_value *args = value_get(root, "args");
    const ptl_value *kwargs = value_get(root, "kwargs");

    *b = (struct message_body){.args = args ? args : &no_args,
                               .kwargs = kwargs ? kwargs : &no_kwargs,
                               .embed = embed_of(c->arena, root),
                               .mapping = root};
    return b->embed ? check_parts(c, b) : content_too_large(c);
}

enum message_fault message_read_body(struct arena *a, const struct envelope *e,
                                     const struct message *m,
                                     const struct content_rules *rules,
                                     struct message_body *b, const char **why)
{
    struct content c = {.arena = a, .rules = rules, .why = why};
    const ptl_value *root = NULL;
    enum message_fault code = content_read(&c, e, m->compression, &root);

    if (code != MESSAGE_OK)
        return code;
    if (value_get(root, m->task.p ? "args" : "task"))
        return take_map_apart(&c, root, b);
    if (!m->task.p)
        return content_fault(&c, MESSAGE_NOT_A_TASK,
                             "no header 'task', and the body is %s without a 'task'",
                             kind_name(root));
    if (value_kind(root) != PTL_LIST)
        return content_fault(&c, MESSAGE_BAD_FIELD,
                             "the body is not [args, kwargs, embed] but %s",
                             kind_name(root));
    return take_list_apart(&c, root, b);
}

/* The last bytes of the body, at least `n` of them if it has so many. A body in base64
 * is whole groups of four. */
static struct str tail_of(struct arena *a, const struct envelope *e, size_t n)
{
    size_t most = e->body_base64 ? (n / 3 + 2) * 4 : n;
    struct str tail = e->body;

    if (tail.n > most)
        tail = (struct str){tail.p + tail.n - most, most};
    return e->body_base64 ? base64_decode(a, tail) : tail;
}

/* The text that ends here is an object, and the last item of the list around it: in
 * JSON no string can hold a bare quotation mark. */
bool message_may_have_workflow(struct arena *a, const struct envelope *e)
{
    const struct str nothing[] = {
        STR("{\"callbacks\": null, \"errbacks\": null, \"chain\": null, "
            "\"chord\": null}]"),
        STR("{\"callbacks\":null,\"errbacks\":null,\"chain\":null,\"chord\":null}]"),
    };
    struct str tail;

    if (!str_is(e->content_type, "application/json") ||
        value_as_str(value_get(e->headers, "compression")).n > 0)
        return true;
    tail = tail_of(a, e, nothing[0].n);
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        if (tail.n >= nothing[i].n &&
            str_eq((struct str){tail.p + tail.n - nothing[i].n, nothing[i].n},
                   nothing[i]))
            return false;
    return true;
}

bool message_has_workflow(const struct message_body *b)
{
    static const char *const keys[] = {"callbacks", "errbacks", "chain", "chord"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (value_truth(value_get(b->embed, keys[i])))
            return true;
    return false;
}
