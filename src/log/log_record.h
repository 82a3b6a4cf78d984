/* SPDX-License-Identifier: Apache-2.0 */
/* log_record - what one line says, and its two forms. */
#ifndef PETIOLE_LOG_RECORD_H
#define PETIOLE_LOG_RECORD_H

#include "log.h"

struct log_record {
    enum log_level level;
    const struct log_subject *subject;
    struct str message;
    bool from_handler;
};

/* Appends the record, without a line end. */
void log_format(struct wr *out, const struct log_record *r, const char *format,
                bool color);
void log_format_json(struct wr *out, const struct log_record *r);

static inline const char *log_process(const struct log_record *r)
{
    return r->subject->process ? r->subject->process : "MainProcess";
}

static inline const char *log_logger(const struct log_record *r)
{
    return r->from_handler ? "petiole.task" : "petiole";
}

/* Empty if the task came without a trace. */
struct str log_trace_id(const struct log_record *r);
struct str log_span_id(const struct log_record *r);

#endif
