/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack: what is read can be written, and is then read as the same. */
#include "../../protocol/json.h"
#include "../../protocol/msgpack.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 24)

static void write_again(struct arena *a, const ptl_value *v)
{
    struct serializer_error e;
    struct wr w;

    wr_init(&w, MEMORY_MAX);
    if (msgpack_write(&w, v)) {
        const ptl_value *again = msgpack_read(a, wr_str(&w), &e);
        struct wr one, two;
        fuzz_check(again || e.out_of_memory, "written but not read");
        wr_init(&one, MEMORY_MAX);
        wr_init(&two, MEMORY_MAX);
        json_write(&one, v);
        if (again)
            json_write(&two, again);
        fuzz_check(!again || one.bad || two.bad || str_eq(wr_str(&one), wr_str(&two)),
                   "read as something else");
        wr_finish(&one);
        wr_finish(&two);
    }
    wr_finish(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct serializer_error e = {.out_of_memory = false};
    struct arena a;

    arena_init(&a, MEMORY_MAX);
    const ptl_value *v = msgpack_read(&a, (struct str){(const char *)data, size}, &e);
    fuzz_check(v || e.what[0], "a fault without a reason");
    if (v)
        write_again(&a, v);
    arena_finish(&a);
    return 0;
}
