/* SPDX-License-Identifier: Apache-2.0 */
/* job - one TASK frame, from its bytes to the DONE that answers it.
 *
 *     job_read ──▶ job_started ──▶ job_run ──▶ frame_done ──▶ job_followups
 *              └─▶ job_follow (nothing runs) ─────┘
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
    struct followups followups;
    struct module_row stranger; /* of a message that no plugin has the task of */
    uint64_t memory_bytes;      /* as last read; see memory_stale */
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
/* Its arguments for the parent, if extended results want them. */
struct str job_call(struct job *j);
/* Runs the handler and fills *d; its strings live until the job's next call. */
void job_run(struct job *j, struct frame_done *d);

/* Runs nothing: what follows from an outcome (TASK_CONCLUDE) or from the end of a chord
 * (TASK_JOIN). */
void job_follow(struct job *j, const struct frame_task *f, struct frame_done *d);
/* Behind DONE: d->effects frames. */
struct str job_followups(const struct job *j);

/* Microseconds since the epoch. */
int64_t job_now_us(void);

#endif
