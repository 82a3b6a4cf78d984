/* SPDX-License-Identifier: Apache-2.0 */
/* trace - the W3C trace context that a message carries in its headers: `traceparent`,
 * `tracestate` and `baggage`, where OpenTelemetry's instrumentation of Celery puts
 * them.
 *
 * They come from outside: what is not as Trace Context (level 2) and Baggage say is
 * treated as absent, and a `tracestate` without a `traceparent` means nothing. */
#ifndef PROTOCOL_TRACE_H
#define PROTOCOL_TRACE_H

#include "value.h"

/* In a traceparent of any version. */
#define TRACE_ID_AT 3
#define TRACE_ID_CHARS 32
#define TRACE_SPAN_AT 36
#define TRACE_SPAN_CHARS 16

/* Slices of the headers; .n 0 where there is none, or none that is valid. */
struct trace {
    struct str parent;   /* "00-4bf9…-00f0…-01" */
    struct str id, span; /* the two in it */
    struct str state, baggage;
};

void trace_read(struct trace *t, const ptl_value *headers);

/* `own`, a map or NULL, and what it does not say of the three; `own` itself if there is
 * nothing to add. One that names a traceparent speaks for its tracestate as well. NULL
 * without memory if something was to be added. */
bool trace_pass_on(struct arena *a, const struct trace *t, const ptl_value *own,
                   const ptl_value **headers);

#endif
