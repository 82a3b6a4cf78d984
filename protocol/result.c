/* SPDX-License-Identifier: Apache-2.0 */
/* result - the meta document, key by key in Python's order. */
#include "result.h"
#include "json.h"
#include "msgpack.h"
#include "pack.h"
#include "pyrepr.h"
#include "timestamp.h"
#include "unpack.h"

static void write_text_or_null(struct wr *w, struct str s)
{
    if (s.p)
        json_write_str(w, s);
    else
        wr_put(w, STR("null"));
}

static void write_list_or_empty(struct wr *w, const ptl_value *list)
{
    if (value_is_null(list))
        wr_put(w, STR("[]"));
    else
        json_write(w, list);
}

void result_write_error(struct wr *w, const struct result_error *e)
{
    wr_put(w, STR("{\"exc_type\": "));
    json_write_str(w, e->type);
    wr_put(w, STR(", \"exc_message\": "));
    write_list_or_empty(w, e->args);
    wr_put(w, STR(", \"exc_module\": "));
    json_write_str(w, e->module);
    wr_put(w, STR("}"));
}

static void write_outcome(struct wr *w, const struct result *r)
{
    wr_put(w, STR(", \"result\": "));
    if (r->encoded.p)
        wr_put(w, r->encoded);
    else if (r->error)
        result_write_error(w, r->error);
    else
        json_write(w, r->value);
    wr_put(w, STR(", \"traceback\": "));
    write_text_or_null(w, r->traceback);
}

static void write_children(struct wr *w, const struct result *r)
{
    wr_put(w, STR(", \"children\": ["));
    wr_put(w, r->children);
    wr_put(w, STR("]"));
}

static void write_date_done(struct wr *w, int64_t us)
{
    char text[TIMESTAMP_TEXT];

    wr_put(w, STR(", \"date_done\": "));
    if (!us) {
        wr_put(w, STR("null"));
        return;
    }
    timestamp_format(text, us);
    json_write_str(w, str_of(text));
}

static void write_id(struct wr *w, const char *key, struct str id)
{
    if (!id.p)
        return;
    wr_text(w, key);
    json_write_str(w, id);
}

static bool list_has(const ptl_value *names, struct str name)
{
    for (size_t i = 0; value_kind(names) == PTL_LIST && i < value_len(names); i++)
        if (str_eq(value_as_str(value_at(names, i)), name))
            return true;
    return false;
}

/* The document's own keys, which a stamp of the same name must not replace. */
static bool is_own_key(struct str name)
{
    static const char *const own[] = {
        "status",    "result",          "traceback", "children",
        "date_done", "group_id",        "parent_id", "name",
        "args",      "kwargs",          "worker",    "retries",
        "queue",     "stamped_headers", "task_id",
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (str_is(name, own[i]))
            return true;
    return false;
}

static void write_stamps(struct wr *w, const ptl_value *headers)
{
    const ptl_value *stamps = value_get(headers, "stamps");
    const ptl_value *names = value_get(headers, "stamped_headers");

    if (value_kind(stamps) != PTL_MAP || !value_truth(stamps))
        return;
    wr_put(w, STR(", \"stamped_headers\": "));
    json_write(w, names);
    for (size_t i = 0; i < value_len(stamps); i++) {
        const struct value_pair *stamp = &stamps->u.map.pairs[i];
        if (!list_has(names, stamp->key) || is_own_key(stamp->key))
            continue;
        wr_put(w, STR(", "));
        json_write_str(w, stamp->key);
        wr_put(w, STR(": "));
        json_write(w, stamp->value);
    }
}

void result_write_call(struct wr *w, const ptl_value *args, const ptl_value *kwargs)
{
    wr_put(w, STR("\"args\": "));
    json_write(w, args);
    wr_put(w, STR(", \"kwargs\": "));
    json_write(w, kwargs);
}

static void write_extended(struct wr *w, const struct result_extended *x)
{
    wr_put(w, STR(", \"name\": "));
    write_text_or_null(w, x->name);
    wr_put(w, STR(", "));
    if (x->call.n > 0)
        wr_put(w, x->call);
    else
        result_write_call(w, x->args, x->kwargs);
    wr_put(w, STR(", \"worker\": "));
    write_text_or_null(w, x->worker);
    wr_printf(w, ", \"retries\": %lld", (long long)x->retries);
    wr_put(w, STR(", \"queue\": "));
    write_text_or_null(w, x->queue);
    write_stamps(w, x->headers);
}

void result_write(struct wr *w, const struct result *r)
{
    wr_put(w, STR("{\"status\": "));
    json_write_str(w, str_of(r->status));
    write_outcome(w, r);
    write_children(w, r);
    write_date_done(w, r->date_done_us);
    write_id(w, ", \"group_id\": ", r->group_id);
    write_id(w, ", \"parent_id\": ", r->parent_id);
    if (r->extended)
        write_extended(w, r->extended);
    wr_put(w, STR(", \"task_id\": "));
    write_text_or_null(w, r->task_id);
    wr_put(w, STR("}"));
}

bool result_status_final(struct str status)
{
    return str_is(status, "SUCCESS") || str_is(status, "FAILURE") ||
           str_is(status, "REVOKED");
}

/* YAML's keys are sorted, and no text of a value begins in the first column. */
static struct str yaml_status(struct str meta)
{
    static const char key[] = "\nstatus: ";
    const char *at = memmem(meta.p, meta.n, key, sizeof(key) - 1), *end;
    struct str rest = {NULL, 0};

    if (at) {
        at += sizeof(key) - 1;
        end = memchr(at, '\n', (size_t)(meta.p + meta.n - at));
        rest = (struct str){at, end ? (size_t)(end - at) : 0};
    }
    return rest;
}

static const struct str magic = {PACK_RESULT_MAGIC, sizeof(PACK_RESULT_MAGIC)};

struct str result_unpack(struct arena *a, struct str meta)
{
    if (meta.n <= magic.n || memcmp(meta.p, magic.p, magic.n) != 0)
        return meta;
    struct str rest = {meta.p + magic.n, meta.n - magic.n}, document = {NULL, 0};
    const char *end = memchr(rest.p, 0, rest.n);
    struct wr w;

    if (!end)
        return document;
    struct str type = {rest.p, (size_t)(end - rest.p)};
    rest = (struct str){end + 1, rest.n - type.n - 1};
    wr_init(&w, a->max_bytes);
    if (unpack(&w, type, rest) == UNPACK_OK)
        document = arena_copy(a, wr_str(&w));
    wr_finish(&w);
    return document;
}

struct str result_read_status(struct arena *a, struct str meta)
{
    struct serializer_error e;

    meta = result_unpack(a, meta);
    unsigned char first = meta.n ? (unsigned char)meta.p[0] : '{';
    struct str status;

    if (first == '{')
        status = value_as_str(value_get(json_read(a, meta, 0, NULL, NULL), "status"));
    else if (first >= 0x80)
        status = value_as_str(value_get(msgpack_read(a, meta, &e), "status"));
    else
        status = yaml_status(meta);
    return status.p ? status : STR("");
}

void result_exception_repr(struct wr *w, const struct result_error *e)
{
    size_t n = value_kind(e->args) == PTL_LIST ? value_len(e->args) : 0;

    wr_put(w, e->type);
    wr_put(w, STR("("));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wr_put(w, STR(", "));
        pyrepr(w, value_at(e->args, i));
    }
    wr_put(w, STR(")"));
}
