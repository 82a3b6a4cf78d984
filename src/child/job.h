/* SPDX-License-Identifier: Apache-2.0 */
/* job - one TASK frame, from its bytes to the DONE that answers it.
 *
 *     job_read ──▶ job_started ──▶ job_run ──▶ frame_done
 *
 * A struct job is used for one task after the other and keeps its memory, so that an
 * ordinary task allocates nothing. */
#ifndef PETIOLE_JOB_H
#define PETIOLE_JOB_H

#include "verdict.h"

struct job {
    struct ptl_task task;
    struct arena arena, reserve;
    struct verdict verdict;
    struct wr result, meta, retry;
    uint64_t memory_bytes; /* as last read; see memory_stale */
    unsigned tasks_since_memory_read;
};

void job_init(struct job *j, const struct node *node, const struct task_sink *sink);
void job_finish(struct job *j);

/* Decodes. False with *r filled if nothing may run: the message is untouched. The
 * frame's bytes must live until the job's next call. */
bool job_read(struct job *j, const struct module_table *table,
              const struct frame_task *f, struct frame_refused *r);
/* The STARTED document, empty unless it is to be stored. */
struct str job_started(struct job *j);
/* Runs the handler and fills *d; its strings live until the job's next call. */
void job_run(struct job *j, struct frame_done *d);

/* Microseconds since the epoch. */
int64_t job_now_us(void);

#endif
