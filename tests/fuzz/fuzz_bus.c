/* SPDX-License-Identifier: Apache-2.0 */
/* What stands on the channels of the remote control and of events: what is read is an
 * object, or a list of them, and can be written and read again. */
#include "../../src/bus/bus_message.h"

#include "../../protocol/json.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 24)

static void check_body(const struct bus_message *m, enum bus_body expected)
{
    const ptl_value *body = m->body;
    bool list = body->kind == PTL_LIST;
    fuzz_check(body->kind == PTL_MAP || (list && expected == BUS_OBJECTS),
               "a body that is no object");
    for (size_t i = 0; list && i < value_len(body); i++)
        fuzz_check(value_kind(value_at(body, i)) == PTL_MAP,
                   "a list with other things than objects");
}

static void check_written(struct arena *a, const struct bus_message *m, struct str body)
{
    struct bus_message again;
    struct wr w;
    const char *why = NULL;
    wr_init(&w, MEMORY_MAX);
    bus_message_write(&w, &(struct bus_envelope){body, STR("{}"), 1, STR("celeryev"),
                                                 m->routing_key, "tag"});
    bool read = !w.bad && bus_message_read(a, wr_str(&w), BUS_OBJECTS, &again, &why);
    fuzz_check(read || w.bad || a->failed || w.len > BUS_MESSAGE_MAX,
               "what was written is not read");
    fuzz_check(!read || str_eq(again.routing_key, m->routing_key),
               "the routing key has changed");
    wr_finish(&w);
}

static void try(struct str text, enum bus_body expected)
{
    struct arena a;
    struct bus_message m;
    const char *why = NULL;
    arena_init(&a, MEMORY_MAX);
    bool read = bus_message_read(&a, text, expected, &m, &why);
    fuzz_check(read || (why && *why), "a message is left without a reason");
    if (read) {
        fuzz_check(m.headers && value_kind(m.headers) == PTL_MAP, "no headers");
        check_body(&m, expected);
        check_written(&a, &m, STR("[{\"type\": \"worker-online\"}]"));
    }
    arena_finish(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    try(text, BUS_OBJECT);
    try(text, BUS_OBJECTS);
    return 0;
}
