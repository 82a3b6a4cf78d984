/* SPDX-License-Identifier: Apache-2.0 */
/* json_read - text to values, with an explicit stack.
 *
 * The children of everything that is open lie on one stack in the arena, innermost
 * last. A list or map is made when it closes, in exactly the size it needs. */
#include "json.h"
#include "json_scan.h"

const struct json_limits json_default_limits = {.max_depth = 200,
                                                .max_values = 4000000};

static const ptl_value the_null = {.kind = PTL_NULL};
static const ptl_value the_true = {.kind = PTL_BOOL, .u.b = true};
static const ptl_value the_false = {.kind = PTL_BOOL};

/* A list or map whose end has not been seen. */
struct opened {
    struct opened *outer, *inner; /* inner: a closed one, kept to be used again */
    size_t first;                 /* its children lie on the stack from here on */
    struct str key;               /* in a map: of the child that comes next */
    bool is_map;
};

struct parser {
    struct json_scan in;
    unsigned flags;
    const struct json_limits *limits;
    uint32_t depth, values;
    struct value_pair *stack;
    size_t n, cap;
    struct opened *open; /* the innermost, or NULL */
    struct opened *bottom;
};

static void skip_space(struct json_scan *s)
{
    while (s->p < s->end &&
           (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

/* The next byte that is no white space, or 0 at the end; a NUL is no JSON either. */
static char peek(struct json_scan *s)
{
    skip_space(s);
    return s->p < s->end ? *s->p : '\0';
}

static bool push(struct parser *p, const ptl_value *v)
{
    struct arena *a = p->in.arena;

    if (!v)
        return false;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 32;
        struct value_pair *stack = arena_alloc(a, cap * sizeof(*stack));
        if (!stack)
            return json_scan_out_of_memory(&p->in);
        if (p->n)
            memcpy(stack, p->stack, p->n * sizeof(*stack));
        p->stack = stack;
        p->cap = cap;
    }
    p->stack[p->n++] =
        (struct value_pair){p->open ? p->open->key : (struct str){NULL, 0}, v};
    return true;
}

static bool open_container(struct parser *p, bool is_map)
{
    struct opened *o = p->open ? p->open->inner : p->bottom;

    if (++p->depth > p->limits->max_depth)
        return json_scan_fail(&p->in, p->in.p, "too deeply nested");
    if (!o) {
        o = arena_zalloc(p->in.arena, sizeof(*o));
        if (!o)
            return json_scan_out_of_memory(&p->in);
        o->outer = p->open;
        if (p->open)
            p->open->inner = o;
        else
            p->bottom = o;
    }
    o->first = p->n;
    o->is_map = is_map;
    o->key = (struct str){NULL, 0};
    p->open = o;
    p->in.p++;
    return true;
}

static const ptl_value *make_list(struct parser *p, const struct value_pair *children,
                                  size_t n)
{
    ptl_value *list = value_list(p->in.arena, n);

    if (!list) {
        json_scan_out_of_memory(&p->in);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        list->u.list.items[i] = children[i].value;
    list->u.list.n = n;
    return list;
}

/* Which of the keys seen so far may be equal to a new one: one bit for each of 256
 * fingerprints. A map's usual keys cost one look each, not one per earlier key. */
struct keys_seen {
    uint64_t bits[4];
};

static bool is_first(struct keys_seen *seen, struct str key)
{
    unsigned char print = (unsigned char)(key.n * 29);

    if (key.n)
        print = (unsigned char)(print + key.p[0] * 7 + key.p[key.n / 2] * 3 +
                                key.p[key.n - 1]);
    uint64_t bit = UINT64_C(1) << (print & 63);
    bool first = !(seen->bits[print >> 6] & bit);
    seen->bits[print >> 6] |= bit;
    return first;
}

static bool fill_map(struct parser *p, ptl_value *map,
                     const struct value_pair *children, size_t n)
{
    struct keys_seen seen = {{0}};
    bool small = n <= VALUE_UNINDEXED;

    for (size_t i = 0; i < n; i++) {
        if (small && is_first(&seen, children[i].key))
            map->u.map.pairs[map->u.map.n++] = children[i];
        else if (!value_map_set(p->in.arena, map, children[i].key, children[i].value))
            return false;
    }
    return true;
}

static const ptl_value *make_map(struct parser *p, const struct value_pair *children,
                                 size_t n)
{
    ptl_value *map = value_map(p->in.arena, n);

    if (!map || !fill_map(p, map, children, n)) {
        json_scan_out_of_memory(&p->in);
        return NULL;
    }
    return p->flags & JSON_KOMBU_TYPES ? json_scan_typed(&p->in, map) : map;
}

static bool close_container(struct parser *p)
{
    struct opened *o = p->open;
    const struct value_pair *children = p->n ? p->stack + o->first : NULL;
    size_t n = p->n - o->first;
    const ptl_value *v =
        o->is_map ? make_map(p, children, n) : make_list(p, children, n);

    p->in.p++;
    p->n = o->first;
    p->depth--;
    p->open = o->outer;
    return push(p, v);
}

static const ptl_value *read_word(struct parser *p, const char *word,
                                  const ptl_value *meaning)
{
    struct json_scan *s = &p->in;
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) {
        json_scan_fail(s, s->p, "Expecting value");
        return NULL;
    }
    s->p += n;
    return meaning;
}

static const ptl_value *read_string(struct parser *p)
{
    struct str text;

    p->in.p++;
    if (!json_scan_string(&p->in, &text))
        return NULL;
    ptl_value *v = value_str(p->in.arena, text);
    if (!v)
        json_scan_out_of_memory(&p->in);
    return v;
}

/* A value that holds no others. */
static const ptl_value *read_leaf(struct parser *p, char first)
{
    switch (first) {
    case '"':
        return read_string(p);
    case 'n':
        return read_word(p, "null", &the_null);
    case 't':
        return read_word(p, "true", &the_true);
    case 'f':
        return read_word(p, "false", &the_false);
    case '-':
    case 'N':
    case 'I':
        return json_scan_number(&p->in);
    default:
        if (first >= '0' && first <= '9')
            return json_scan_number(&p->in);
        json_scan_fail(&p->in, p->in.p, "Expecting value");
        return NULL;
    }
}

static bool read_key(struct parser *p)
{
    if (peek(&p->in) != '"')
        return json_scan_fail(&p->in, p->in.p,
                              "Expecting property name enclosed in double quotes");
    p->in.p++;
    if (!json_scan_string(&p->in, &p->open->key))
        return false;
    if (peek(&p->in) != ':')
        return json_scan_fail(&p->in, p->in.p, "Expecting ':' delimiter");
    p->in.p++;
    return true;
}

/* Begins a value: the whole of a leaf, the opening of a container, which may close at
 * once. *complete tells whether it is on the stack now. */
static bool read_value(struct parser *p, bool *complete)
{
    char first = peek(&p->in);

    *complete = true;
    if (++p->values > p->limits->max_values)
        return json_scan_fail(&p->in, p->in.p, "too many values");
    if (first != '[' && first != '{')
        return push(p, read_leaf(p, first));
    if (!open_container(p, first == '{'))
        return false;
    if (peek(&p->in) == (first == '{' ? '}' : ']'))
        return close_container(p);
    *complete = false;
    return first == '[' || read_key(p);
}

/* Behind a complete value: closes what ends here, up to a comma or the whole. */
static bool read_after_value(struct parser *p)
{
    while (p->open) {
        char c = peek(&p->in);
        if (c == ',') {
            p->in.p++;
            return !p->open->is_map || read_key(p);
        }
        if (c != (p->open->is_map ? '}' : ']'))
            return json_scan_fail(&p->in, p->in.p, "Expecting ',' delimiter");
        if (!close_container(p))
            return false;
    }
    return true;
}

static bool read_document(struct parser *p)
{
    do {
        bool complete;
        if (!read_value(p, &complete))
            return false;
        if (complete && !read_after_value(p))
            return false;
    } while (p->open);
    if (peek(&p->in) != '\0' || p->in.p != p->in.end)
        return json_scan_fail(&p->in, p->in.p, "Extra data");
    return true;
}

const ptl_value *json_read(struct arena *a, struct str text, unsigned flags,
                           const struct json_limits *limits, struct json_error *e)
{
    struct parser p = {
        .in = {.p = text.p,
               .end = text.p + text.n,
               .arena = a,
               .copy_strings = flags & JSON_COPY_STRINGS},
        .flags = flags,
        .limits = limits ? limits : &json_default_limits,
    };

    if (read_document(&p))
        return p.stack[0].value;
    if (e)
        *e = (struct json_error){.offset = (size_t)(p.in.p - text.p),
                                 .what = p.in.what,
                                 .out_of_memory = p.in.out_of_memory};
    return NULL;
}
