/* SPDX-License-Identifier: Apache-2.0 */
/* dump - events as lines: Celery's, or JSON. */
#ifndef PETIOLE_MONITOR_DUMP_H
#define PETIOLE_MONITOR_DUMP_H

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

#define DUMP_NAMES 4095 /* as many as Celery's dumper keeps */
#define DUMP_LINE_MAX ((size_t)8 << 20)

/* What tasks are called, for events that do not tell it. */
struct dump_name {
    struct str uuid, text; /* .p NULL: none */
};

struct dump {
    struct dump_name names[DUMP_NAMES + 1]; /* by a hash of the uuid: the last stays */
};

/* As `celery events --dump` prints it, with a newline: but for what cannot be printed,
 * which is escaped, so that an event is one line. */
void dump_event(struct dump *d, const ptl_value *event, double received_s,
                struct wr *w);
void dump_json(const ptl_value *event, struct wr *w);
void dump_finish(struct dump *d);

#endif
