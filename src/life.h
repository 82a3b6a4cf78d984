/* SPDX-License-Identifier: Apache-2.0 */
/* life - the states of a worker, as celery/apps/worker.py knows them.
 *
 *     STARTING ──pool and broker are there──▶ RUNNING
 *        │                                      │ TERM, first INT
 *        │                                      ▼
 *        │            QUIT, second INT ┌──── STOPPING ────────────────┐
 *        │                             ▼                              │ all is
 *        │   worker_soft_shutdown_   SOFT ──its time is over──▶ COLD ─┤ finished
 *        │   timeout is set                                           ▼
 *        └──────────────────────────────────────────────────────▶ LEAVING
 *
 * From STOPPING on nothing is taken, and what has not started goes back to its queue at
 * once. What runs may finish in STOPPING, has worker_soft_shutdown_timeout seconds in
 * SOFT, and is killed in COLD. */
#ifndef PETIOLE_LIFE_H
#define PETIOLE_LIFE_H

#include "worker.h"

/* STARTING becomes RUNNING once pool and broker are there. */
void life_check_ready(struct worker *w);
/* TERM, the first INT: what runs may finish. Once the worker stops, a restart that HUP
 * asked for does not follow any more. */
void life_stop_warm(struct worker *w);
/* HUP: a warm stop, after which worker_run returns WORKER_RESTART. Settings that the
 * new process would refuse are refused here, and the worker goes on. */
void life_restart(struct worker *w);
/* QUIT, the second INT: soft if configured, else cold; again: cold, then at once. */
void life_stop_cold(struct worker *w);
/* Every turn: gives back what must not start, and leaves when all is settled. */
void life_check_left(struct worker *w);
/* Now. Children are killed; what is held is left to other workers. EXIT_STOPPED keeps
 * the exit code as it is. */
void life_leave(struct worker *w, int exit_code);

#endif
