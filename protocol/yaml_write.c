/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_write - values to libyaml's emitter, with the choices of yaml.safe_dump. */
#include "base64.h"
#include "json.h"
#include "typed.h"
#include "utf8.h"
#include "yaml_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define DEPTH_MAX 512 /* a handler may build deeper values than a message holds */
#define LINE_BYTES 57 /* of binary data, which base64 makes 76 of */

struct writer {
    yaml_emitter_t emitter;
    unsigned depth;
};

static bool put(struct writer *w, const ptl_value *v);

static int on_output(void *out, unsigned char *bytes, size_t n)
{
    struct wr *w = out;

    wr_put(w, (struct str){(const char *)bytes, n});
    return !w->bad;
}

/* Emits takes the event over, whatever becomes of it. */
static bool emit(struct writer *w, yaml_event_t *event, int initialized)
{
    return initialized && yaml_emitter_emit(&w->emitter, event);
}

static bool put_scalar(struct writer *w, const char *tag, struct str text,
                       bool plain_implicit, bool quoted_implicit,
                       yaml_scalar_style_t style)
{
    yaml_event_t event;

    return text.n <= INT32_MAX &&
           emit(w, &event,
                yaml_scalar_event_initialize(&event, NULL, (const yaml_char_t *)tag,
                                             (const yaml_char_t *)text.p, (int)text.n,
                                             plain_implicit, quoted_implicit, style));
}

/* A number, a bool, null, a date: never quoted. */
static bool put_plain(struct writer *w, const char *tag, const char *text)
{
    return put_scalar(w, tag, str_of(text), true, false, YAML_ANY_SCALAR_STYLE);
}

/* Text that looks like something else is quoted. */
static bool put_text(struct writer *w, struct str s)
{
    return utf8_valid(s) && put_scalar(w, YAML_STR_TAG, s, yaml_kind_of(s) == YAML_STR,
                                       true, YAML_ANY_SCALAR_STYLE);
}

/* repr(1e17) is "1e+17", which YAML 1.1 takes for text. */
static bool put_float(struct writer *w, double d)
{
    char text[36];
    size_t n = json_format_float(text, d, false);
    char *e = memchr(text, 'e', n);

    if (strcmp(text, "nan") == 0)
        return put_plain(w, YAML_FLOAT_TAG, ".nan");
    if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0)
        return put_plain(w, YAML_FLOAT_TAG, *text == '-' ? "-.inf" : ".inf");
    if (e && !memchr(text, '.', n)) {
        memmove(e + 2, e, n - (size_t)(e - text) + 1);
        memcpy(e, ".0", 2);
    }
    return put_plain(w, YAML_FLOAT_TAG, text);
}

static bool put_int(struct writer *w, int64_t i)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)i);
    return put_plain(w, YAML_INT_TAG, text);
}

/* Lines of 76 characters, as base64.encodebytes makes them. */
static bool put_bytes(struct writer *w, struct str s)
{
    struct wr text;

    wr_init(&text, s.n * 2 + 64);
    for (size_t i = 0; i < s.n; i += LINE_BYTES) {
        size_t n = s.n - i < LINE_BYTES ? s.n - i : LINE_BYTES;
        base64_encode(&text, (struct str){s.p + i, n});
        wr_text(&text, "\n");
    }
    bool ok = !text.bad && put_scalar(w, "tag:yaml.org,2002:binary",
                                      text.len ? wr_str(&text) : STR(""), false, false,
                                      YAML_LITERAL_SCALAR_STYLE);
    wr_finish(&text);
    return ok;
}

/* "2030-01-02 03:04:05": safe_dump puts a space where ISO 8601 has its T. It refuses
 * times, Decimals and UUIDs. */
static bool put_typed(struct writer *w, const ptl_value *v, enum typed_kind kind)
{
    char text[64];
    struct str iso = typed_text(v);

    if ((kind != TYPED_DATETIME && kind != TYPED_DATE) || !iso.p ||
        iso.n >= sizeof(text))
        return false;
    memcpy(text, iso.p, iso.n);
    text[iso.n] = '\0';
    if (iso.n > 10)
        text[10] = ' ';
    return put_plain(w, YAML_TIMESTAMP_TAG, text);
}

static bool put_list(struct writer *w, const ptl_value *v)
{
    yaml_event_t event;

    if (!emit(w, &event,
              yaml_sequence_start_event_initialize(&event, NULL,
                                                   (yaml_char_t *)YAML_SEQ_TAG, 1,
                                                   YAML_BLOCK_SEQUENCE_STYLE)))
        return false;
    for (size_t i = 0; i < value_len(v); i++)
        if (!put(w, v->u.list.items[i]))
            return false;
    return emit(w, &event, yaml_sequence_end_event_initialize(&event));
}

/* Python sorts by code points, which is how UTF-8 sorts by bytes. */
static int by_key(const void *a, const void *b)
{
    const struct value_pair *x = a, *y = b;
    size_t shorter = x->key.n < y->key.n ? x->key.n : y->key.n;
    int order = shorter ? memcmp(x->key.p, y->key.p, shorter) : 0;

    return order ? order : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

static bool put_pairs(struct writer *w, const struct value_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!put_text(w, pairs[i].key) || !put(w, pairs[i].value))
            return false;
    return true;
}

static bool put_map(struct writer *w, const ptl_value *v)
{
    size_t n = value_len(v);
    struct value_pair *sorted = calloc(n + 1, sizeof(*sorted));
    yaml_event_t event;
    bool ok = sorted != NULL;

    if (ok && n)
        memcpy(sorted, v->u.map.pairs, n * sizeof(*sorted));
    if (ok)
        qsort(sorted, n, sizeof(*sorted), by_key);
    ok = ok &&
         emit(w, &event,
              yaml_mapping_start_event_initialize(&event, NULL,
                                                  (yaml_char_t *)YAML_MAP_TAG, 1,
                                                  YAML_BLOCK_MAPPING_STYLE)) &&
         put_pairs(w, sorted, n) &&
         emit(w, &event, yaml_mapping_end_event_initialize(&event));
    free(sorted);
    return ok;
}

static bool put_value(struct writer *w, const ptl_value *v)
{
    enum typed_kind typed = typed_kind_of(v);

    switch (value_kind(v)) {
    case PTL_NULL:
        return put_plain(w, YAML_NULL_TAG, "null");
    case PTL_BOOL:
        return put_plain(w, YAML_BOOL_TAG, v->u.b ? "true" : "false");
    case PTL_INT:
        return put_int(w, v->u.i);
    case PTL_BIGINT:
        return put_scalar(w, YAML_INT_TAG, v->u.s, true, false, YAML_ANY_SCALAR_STYLE);
    case PTL_FLOAT:
        return put_float(w, v->u.d);
    case PTL_STR:
        return put_text(w, v->u.s);
    case PTL_BYTES:
        return put_bytes(w, v->u.s);
    case PTL_LIST:
        return put_list(w, v);
    case PTL_MAP:
        return typed != TYPED_NONE ? put_typed(w, v, typed) : put_map(w, v);
    }
    return false;
}

static bool put(struct writer *w, const ptl_value *v)
{
    bool ok = ++w->depth <= DEPTH_MAX && put_value(w, v);

    w->depth--;
    return ok;
}

bool yaml_write(struct wr *out, const ptl_value *v)
{
    struct writer w = {.depth = 0};
    yaml_event_t event;

    if (!yaml_emitter_initialize(&w.emitter))
        return false;
    yaml_emitter_set_output(&w.emitter, on_output, out);
    bool ok = emit(&w, &event,
                   yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
              emit(&w, &event,
                   yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
              put(&w, v) &&
              emit(&w, &event, yaml_document_end_event_initialize(&event, 1)) &&
              emit(&w, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&w.emitter);
    return ok && !out->bad;
}

const struct serializer serializer_yaml = {
    .name = "yaml",
    .title = "YAML",
    .content_type = "application/x-yaml",
    .content_encoding = "utf-8",
    .read = yaml_read,
    .write = yaml_write,
};
