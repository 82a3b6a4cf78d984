/* SPDX-License-Identifier: Apache-2.0 */
/* What a request gives to its command, bound as CPython 3.11 binds the keywords of
 * `command(state, **arguments)`, with its words for what does not fit. */
#include "control.h"

struct parameter {
    struct str name;
    bool optional;
};

/* The next one of the command's list at *at; false behind the last. */
static bool next_parameter(const char **at, struct parameter *p)
{
    *at += strspn(*at, " ");
    size_t n = strcspn(*at, " ");
    if (n == 0)
        return false;
    p->optional = **at == '[';
    p->name = p->optional ? (struct str){*at + 1, n - 2} : (struct str){*at, n};
    *at += n;
    return true;
}

static bool knows(const struct control_command *command, struct str name)
{
    struct parameter p;
    const char *at = command->arguments;
    while (next_parameter(&at, &p))
        if (str_eq(p.name, name) || str_is(p.name, "*"))
            return true;
    return false;
}

static bool refuses_one(struct control_call *c, const struct control_command *command)
{
    for (size_t i = 0; i < value_len(c->arguments); i++) {
        struct str name = c->arguments->u.map.pairs[i].key;
        int n = name.n < 200 ? (int)name.n : 200;
        if (str_is(name, "state")) {
            control_raise(c, "TypeError",
                          "%s() got multiple values for argument 'state'",
                          command->name);
            return true;
        }
        if (!knows(command, name)) {
            control_raise(c, "TypeError",
                          "%s() got an unexpected keyword argument '%.*s'",
                          command->name, n, name.p);
            return true;
        }
    }
    return false;
}

/* Is it required, and not there? */
static bool is_missing(const struct control_call *c, const struct parameter *p)
{
    return !p->optional && !str_is(p->name, "*") && !value_find(c->arguments, p->name);
}

static size_t count_missing(const struct control_call *c, const char *parameters)
{
    struct parameter p;
    size_t n = 0;
    while (next_parameter(&parameters, &p))
        n += is_missing(c, &p);
    return n;
}

/* 'a' — 'a' and 'b' — 'a', 'b', and 'c' */
static void name_missing(const struct control_call *c, const char *parameters, size_t n,
                         struct wr *out)
{
    struct parameter p;
    size_t left = n;
    while (next_parameter(&parameters, &p)) {
        if (!is_missing(c, &p))
            continue;
        if (left < n)
            wr_text(out, n == 2 ? " and " : left == 1 ? ", and " : ", ");
        wr_printf(out, "'" STR_FMT "'", STR_ARG(p.name));
        left--;
    }
}

bool control_bind(struct control_call *c, const struct control_command *command)
{
    if (refuses_one(c, command))
        return false;
    size_t n = count_missing(c, command->arguments);
    if (n == 0)
        return true;
    struct wr missing;
    wr_init(&missing, 1024);
    name_missing(c, command->arguments, n, &missing);
    control_raise(c, "TypeError",
                  "%s() missing %zu required positional argument%s: %.*s",
                  command->name, n, n == 1 ? "" : "s", STR_ARG(wr_str(&missing)));
    wr_finish(&missing);
    return false;
}
