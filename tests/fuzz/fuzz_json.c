/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what is read can be printed, and what is written reads as the same again. */
#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 24)

static void print(struct wr *w, const ptl_value *v)
{
    wr_reset(w);
    pyrepr(w, v);
    wr_reset(w);
    pyrepr_cut(w, v, 60);
    wr_reset(w);
    pyrepr_args(w, v, 5);
    wr_reset(w);
    json_write(w, v);
}

static void read_write_read(struct arena *a, struct str text, unsigned flags)
{
    struct wr once, twice;
    const ptl_value *v = json_read(a, text, flags, NULL, NULL);

    wr_init(&once, MEMORY_MAX);
    wr_init(&twice, MEMORY_MAX);
    if (v)
        print(&once, v);
    if (v && !once.bad) {
        const ptl_value *again = json_read(a, wr_str(&once), flags, NULL, NULL);
        fuzz_check(again || a->failed, "what was written is not JSON");
        if (again) {
            json_write(&twice, again);
            fuzz_check(twice.bad || str_eq(wr_str(&once), wr_str(&twice)),
                       "what was written reads differently");
        }
    }
    wr_finish(&once);
    wr_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;

    arena_init(&a, MEMORY_MAX);
    read_write_read(&a, (struct str){(const char *)data, size}, 0);
    arena_reset(&a);
    read_write_read(&a, (struct str){(const char *)data, size},
                    JSON_KOMBU_TYPES | JSON_COPY_STRINGS);
    arena_finish(&a);
    return 0;
}
