/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#define PARENT_CHARS 55 /* of version 00, and at least of all later ones */
#define PARENT_CHARS_MAX 512
#define STATE_MEMBERS_MAX 32
#define STATE_KEY_CHARS 256
#define STATE_VALUE_CHARS 256
#define STATE_CHARS_MAX (STATE_MEMBERS_MAX * (STATE_KEY_CHARS + STATE_VALUE_CHARS + 2))
#define BAGGAGE_MEMBERS_MAX 180
#define BAGGAGE_CHARS_MAX 8192

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- traceparent ---------------------------------------------------------------- */

/* Small letters only, as the specification has it. */
static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return true;
}

static bool is_zero(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '0')
            return false;
    return true;
}

static struct str cut(struct str s, size_t from, size_t n)
{
    return (struct str){s.p + from, n};
}

static bool has_dashes(struct str s)
{
    return s.p[2] == '-' && s.p[35] == '-' && s.p[52] == '-';
}

/* A later version may have more behind it, set off by a dash. */
static bool has_right_length(struct str s)
{
    if (s.n == PARENT_CHARS)
        return true;
    return s.n > PARENT_CHARS && s.n <= PARENT_CHARS_MAX && s.p[PARENT_CHARS] == '-' &&
           !str_eq(cut(s, 0, 2), STR("00"));
}

static void read_parent(struct trace *t, struct str s)
{
    if (!has_right_length(s) || !has_dashes(s))
        return;
    struct str version = cut(s, 0, 2), id = cut(s, TRACE_ID_AT, TRACE_ID_CHARS),
               span = cut(s, TRACE_SPAN_AT, TRACE_SPAN_CHARS), flags = cut(s, 53, 2);
    if (!is_hex(version) || str_eq(version, STR("ff")) || !is_hex(id) || is_zero(id) ||
        !is_hex(span) || is_zero(span) || !is_hex(flags))
        return;
    t->parent = s;
    t->id = id;
    t->span = span;
}

/* ---- lists of members ----------------------------------------------------------- */

static struct str trim(struct str s)
{
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
        s = cut(s, 1, s.n - 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The part of *rest before `sign`, without spaces around it; *rest then stands behind.
 */
static struct str take(struct str *rest, char sign)
{
    const char *at = memchr(rest->p, sign, rest->n);
    size_t n = at ? (size_t)(at - rest->p) : rest->n;
    struct str part = trim(cut(*rest, 0, n));
    *rest = at ? cut(*rest, n + 1, rest->n - n - 1) : cut(*rest, n, 0);
    return part;
}

/* An empty member is allowed in either list, and counts for nothing; a list of none is
 * as good as no list. */
static bool is_list(struct str s, size_t most, bool (*is_member)(struct str))
{
    size_t n = 0;
    while (s.n > 0) {
        struct str member = take(&s, ',');
        if (member.n > 0 && (++n > most || !is_member(member)))
            return false;
    }
    return n > 0;
}

/* ---- tracestate ----------------------------------------------------------------- */

static bool is_state_key(struct str s)
{
    if (s.n == 0 || s.n > STATE_KEY_CHARS || (!is_lower(*s.p) && !is_digit(*s.p)))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && !memchr("_-*/@", s.p[i], 5))
            return false;
    return true;
}

static bool is_state_member(struct str member)
{
    const char *sign = memchr(member.p, '=', member.n);
    if (!sign)
        return false;
    size_t n = (size_t)(sign - member.p);
    struct str value = cut(member, n + 1, member.n - n - 1);
    if (!is_state_key(cut(member, 0, n)) || value.n == 0 || value.n > STATE_VALUE_CHARS)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < ' ' || value.p[i] > '~' || value.p[i] == '=')
            return false;
    return true;
}

/* ---- baggage -------------------------------------------------------------------- */

/* RFC 7230's token. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_baggage_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\",;\\", s.p[i]))
            return false;
    return true;
}

static bool is_property(struct str s)
{
    bool has_value = memchr(s.p, '=', s.n) != NULL;
    struct str key = take(&s, '=');
    return is_token(key) && (!has_value || is_baggage_value(trim(s)));
}

/* key=value;property;property=value */
static bool is_baggage_member(struct str member)
{
    struct str pair = take(&member, ';');
    if (!memchr(pair.p, '=', pair.n))
        return false;
    struct str key = take(&pair, '=');
    if (!is_token(key) || !is_baggage_value(trim(pair)))
        return false;
    while (member.n > 0)
        if (!is_property(take(&member, ';')))
            return false;
    return true;
}

/* ---- both ways ------------------------------------------------------------------ */

void trace_read(struct trace *t, const ptl_value *headers)
{
    struct str state = value_as_str(value_get(headers, "tracestate"));
    struct str baggage = value_as_str(value_get(headers, "baggage"));

    *t = (struct trace){0};
    read_parent(t, value_as_str(value_get(headers, "traceparent")));
    if (t->parent.n > 0 && state.n <= STATE_CHARS_MAX &&
        is_list(state, STATE_MEMBERS_MAX, is_state_member))
        t->state = state;
    if (baggage.n <= BAGGAGE_CHARS_MAX &&
        is_list(baggage, BAGGAGE_MEMBERS_MAX, is_baggage_member))
        t->baggage = baggage;
}

static bool add(struct arena *a, ptl_value *to, struct str name, struct str text)
{
    return text.n == 0 || value_map_set(a, to, name, value_str(a, text));
}

static bool copy(struct arena *a, ptl_value *to, const ptl_value *from)
{
    for (size_t i = 0; i < value_len(from); i++)
        if (!value_map_set(a, to, from->u.map.pairs[i].key, from->u.map.pairs[i].value))
            return false;
    return true;
}

bool trace_pass_on(struct arena *a, const struct trace *t, const ptl_value *own,
                   const ptl_value **headers)
{
    bool adds_parent = t->parent.n > 0 && !value_get(own, "traceparent");
    bool adds_baggage = t->baggage.n > 0 && !value_get(own, "baggage");

    *headers = own;
    if (!adds_parent && !adds_baggage)
        return true;
    ptl_value *all = value_map(a, value_len(own) + 3);
    bool ok = all && copy(a, all, own) &&
              (!adds_parent || (add(a, all, STR("traceparent"), t->parent) &&
                                add(a, all, STR("tracestate"), t->state))) &&
              (!adds_baggage || add(a, all, STR("baggage"), t->baggage));
    *headers = all;
    return ok;
}
