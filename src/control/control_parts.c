/* SPDX-License-Identifier: Apache-2.0 */
#include "control_parts.h"

#include "../../protocol/json.h"
#include "../request/revocation.h"

#include <signal.h>

const char *control_type_name(const ptl_value *v)
{
    static const char *const names[] = {
        [PTL_NULL] = "NoneType", [PTL_BOOL] = "bool",   [PTL_INT] = "int",
        [PTL_BIGINT] = "int",    [PTL_FLOAT] = "float", [PTL_STR] = "str",
        [PTL_BYTES] = "bytes",   [PTL_LIST] = "list",   [PTL_MAP] = "dict",
    };
    return names[value_kind(v)];
}

void control_ok_text(struct control_call *c, struct wr *text)
{
    wr_text(c->reply, "{\"ok\": ");
    json_write_str(c->reply, wr_str(text));
    wr_text(c->reply, "}");
    c->reply->bad |= text->bad;
    wr_finish(text);
}

/* ---- signals ------------------------------------------------------------------ */

static bool is_upper(struct str s)
{
    bool any = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 'a' && s.p[i] <= 'z')
            return false;
        any |= s.p[i] >= 'A' && s.p[i] <= 'Z';
    }
    return any;
}

/* Names of Python's signal module that libc calls otherwise. */
static int other_name(struct str name)
{
    if (name.n > 3 && memcmp(name.p, "SIG", 3) == 0)
        name = (struct str){name.p + 3, name.n - 3};
    return str_is(name, "RTMIN")   ? SIGRTMIN
           : str_is(name, "RTMAX") ? SIGRTMAX
           : str_is(name, "CLD")   ? SIGCHLD
           : str_is(name, "IOT")   ? SIGABRT
           : str_is(name, "IO")    ? SIGIO
                                   : 0;
}

static bool read_name(struct control_call *c, struct str name, int *signum)
{
    struct str plain = name;
    if (!is_upper(name)) {
        control_raise(c, "TypeError", "signal name must be uppercase string.");
        return false;
    }
    *signum = revocation_signal(name);
    if (*signum == 0)
        *signum = other_name(name);
    if (*signum)
        return true;
    bool prefixed = plain.n > 3 && memcmp(plain.p, "SIG", 3) == 0;
    control_raise(c, "AttributeError", "module 'signal' has no attribute '%s%.*s'",
                  prefixed ? "" : "SIG", plain.n < 100 ? (int)plain.n : 100, plain.p);
    return false;
}

bool control_read_signal(struct control_call *c, int *signum)
{
    const ptl_value *v = control_argument(c, "signal");
    *signum = SIGTERM;
    if (!value_truth(v))
        return true;
    if (value_kind(v) == PTL_STR)
        return read_name(c, v->u.s, signum);
    if (value_kind(v) == PTL_BOOL) {
        *signum = 1;
        return true;
    }
    if (value_kind(v) != PTL_INT && value_kind(v) != PTL_BIGINT) {
        control_raise(c, "TypeError", "signal name must be uppercase string.");
        return false;
    }
    int64_t n = value_as_int(v, -1);
    if (n < 1 || n > SIGRTMAX) {
        control_error(c, "OSError(22, 'Invalid argument')");
        return false;
    }
    *signum = (int)n;
    return true;
}

/* ---- numbers and texts ---------------------------------------------------------- */

bool control_read_count(struct control_call *c, const char *name, int64_t *n)
{
    const ptl_value *v = value_get(c->arguments, name);
    if (!v)
        return true;
    switch (value_kind(v)) {
    case PTL_BOOL:
        *n = v->u.b;
        return true;
    case PTL_INT:
        *n = v->u.i;
        return true;
    case PTL_BIGINT:
        *n = v->u.s.p[0] == '-' ? INT64_MIN : INT64_MAX;
        return true;
    default:
        control_raise(c, "TypeError", "'%s' object cannot be interpreted as an integer",
                      control_type_name(v));
        return false;
    }
}

bool control_read_text(struct control_call *c, const char *name, struct str *out)
{
    const ptl_value *v = value_get(c->arguments, name);
    *out = value_as_str(v);
    if (out->p)
        return true;
    control_raise(c, "TypeError", "argument '%s' must be str, not %s", name,
                  control_type_name(v));
    return false;
}
