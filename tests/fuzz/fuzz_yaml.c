/* SPDX-License-Identifier: Apache-2.0 */
/* YAML: no text costs more than its bytes allow, and what is read can be written. */
#include "../../protocol/json.h"
#include "../../protocol/yaml_value.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct serializer_error e = {.out_of_memory = false};
    struct arena a;
    struct wr w;

    arena_init(&a, MEMORY_MAX);
    wr_init(&w, MEMORY_MAX);
    const ptl_value *v = yaml_read(&a, (struct str){(const char *)data, size}, &e);
    fuzz_check(v || e.what[0], "a fault without a reason");
    if (v && yaml_write(&w, v))
        fuzz_check(yaml_read(&a, wr_str(&w), &e) || e.out_of_memory,
                   "written but not read");
    wr_finish(&w);
    arena_finish(&a);
    return 0;
}
