/* SPDX-License-Identifier: Apache-2.0 */
/* revocation - what a revoke does to the tasks at hand, and to those that come.
 *
 *     where the task is        revoke                      with terminate, as well
 *     not here                 remembered                  -
 *     waiting, ready           REVOKED, acknowledged       -
 *     in a child, not started  its child leaves it out     killed should it start
 *     running                  left alone, as in Celery    its child gets the signal
 *
 * REVOKED carries TaskRevokedError("revoked"), ("expired") or ("terminated"). The
 * remote control calls the functions; the state file is what fills the set at start. */
#ifndef PETIOLE_REVOCATION_H
#define PETIOLE_REVOCATION_H

#include "../worker.h"
#include "revoke.h"

/* If it is expired or revoked: logs it, stores REVOKED, acknowledges, and returns true.
 * An expired task's id counts as revoked from then on. */
bool revocation_drops(struct request *rq);

/* That it is expired, or its id revoked, is all that Celery looks at before it tells of
 * a task. */
bool revocation_is_certain(struct request *rq);

/* These tasks are not to be run. Returns how many of the ids were remembered. */
size_t revocation_revoke(struct worker *w, const struct str *ids, size_t n);
/* Nor those that carry this stamp; value: a scalar, or a list of which each counts. */
bool revocation_revoke_stamp(struct worker *w, struct str name, const ptl_value *value);
/* Sends the signal to the children that run these tasks, which become REVOKED with
 * "terminated" if it ends them. Returns how many children were asked. */
size_t revocation_terminate(struct worker *w, const struct str *ids, size_t n,
                            int signum);
/* "KILL", "sigkill", "9": the number, or 0. */
int revocation_signal(struct str name);

/* The state file, if there is one: read at start, written once a while after changes
 * and at the end. */
void revocation_load(struct worker *w);
void revocation_changed(struct worker *w);
void revocation_save(struct worker *w);

#endif
