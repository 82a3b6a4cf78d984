/* SPDX-License-Identifier: Apache-2.0 */
/* Trace headers, one a line: what is passed on reads again as what it was. */
#include "../../protocol/trace.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 20)

static struct str take_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct str line = {rest->p, n};
    size_t gone = n + (end != NULL);
    *rest = (struct str){rest->p + gone, rest->n - gone};
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"traceparent", "tracestate", "baggage"};
    struct str rest = {(const char *)data, size};
    struct trace t, again;
    struct arena a;

    if (size == 0)
        return 0;
    arena_init(&a, MEMORY_MAX);
    ptl_value *headers = value_map(&a, 3);
    for (size_t i = 0; i < 3; i++)
        value_map_set(&a, headers, str_of(names[i]), value_str(&a, take_line(&rest)));
    trace_read(&t, headers);
    fuzz_check(t.parent.n == 0 ||
                   (t.id.n == TRACE_ID_CHARS && t.span.n == TRACE_SPAN_CHARS),
               "a parent without an id or span");
    const ptl_value *passed;
    fuzz_check(trace_pass_on(&a, &t, NULL, &passed), "no memory for three headers");
    trace_read(&again, passed);
    fuzz_check(str_eq(t.parent, again.parent) && str_eq(t.state, again.state) &&
                   str_eq(t.baggage, again.baggage),
               "what is passed on is something else");
    arena_finish(&a);
    return 0;
}
