/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include "../../protocol/json.h"
#include "../../protocol/msgpack.h"

/* Few ask for anything else than JSON, which is how results are made. */
void document_store(struct wr *w, const struct node *n, struct str json)
{
    if (serializers_keeps_json(&n->results)) {
        wr_put(w, json);
    } else if (!serializers_store(n->serializers, &n->results, json, w)) {
        wr_reset(w);
        w->bad = true;
    }
}

static void store(struct wr *w, const struct node *n, const struct wr *json)
{
    if (json->bad)
        w->bad = true;
    else
        document_store(w, n, wr_str(json));
}

void document_write(struct wr *w, const struct node *n, const ptl_value *v)
{
    struct wr json;

    if (serializers_keeps_json(&n->results)) {
        json_write(w, v);
        return;
    }
    wr_init(&json, w->max);
    json_write(&json, v);
    store(w, n, &json);
    wr_finish(&json);
}

void document_write_result(struct wr *w, const struct node *n, const struct result *r)
{
    struct wr json;

    if (serializers_keeps_json(&n->results)) {
        result_write(w, r);
        return;
    }
    wr_init(&json, w->max);
    result_write(&json, r);
    store(w, n, &json);
    wr_finish(&json);
}

/* ---- Reading -------------------------------------------------------------------- */

static const ptl_value *read_yaml(struct arena *a, const struct node *n,
                                  struct str bytes)
{
    const char *why;
    struct serializer_error e;
    const struct serializer *yaml =
        serializer_find(&n->serializers->source, STR("yaml"), &why);

    return yaml ? yaml->read(a, bytes, &e) : NULL;
}

/* By its first byte: JSON's documents are objects and lists, in which form YAML, of
 * which kombu makes blocks, has none; msgpack's begin beyond ASCII. */
const ptl_value *document_read(struct arena *a, const struct node *n, struct str bytes)
{
    struct serializer_error packed;
    struct json_error e;

    bytes = arena_copy(a, result_unpack(a, bytes));
    if (!bytes.n)
        return NULL;
    if (bytes.p[0] == '{' || bytes.p[0] == '[')
        return json_read(a, bytes, JSON_KOMBU_TYPES, &json_default_limits, &e);
    if ((unsigned char)bytes.p[0] >= 0x80)
        return msgpack_read(a, bytes, &packed);
    return read_yaml(a, n, bytes);
}
