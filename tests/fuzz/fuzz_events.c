/* SPDX-License-Identifier: Apache-2.0 */
/* Events of others: whatever is taken for one has a type and numbers that are some. */
#include "../../protocol/event.h"
#include "../../protocol/json.h"
#include "fuzz.h"

#include <math.h>

static void check(const ptl_value *body)
{
    struct event e;
    size_t n = event_count(body);
    for (size_t i = 0; i <= n; i++) {
        if (!event_read(body, i, &e))
            continue;
        fuzz_check(e.type.n > 0 && e.group.n <= e.type.n, "an event without a type");
        fuzz_check(isfinite(e.timestamp_s) && isfinite(e.freq_s) &&
                       isfinite(e.utcoffset_h),
                   "a number that is none");
        fuzz_check(e.hostname.p && e.uuid.p, "a text that is NULL");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct json_error e;

    arena_init(&a, (size_t)8 << 20);
    const ptl_value *body = json_read(&a, (struct str){(const char *)data, size}, 0,
                                      &json_default_limits, &e);
    if (body)
        check(body);
    arena_finish(&a);
    return 0;
}
