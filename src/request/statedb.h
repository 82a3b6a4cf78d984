/* SPDX-License-Identifier: Apache-2.0 */
/* statedb - what a worker remembers between two runs: --statedb, worker_state_db.
 *
 * Celery's is a shelve of pickles; this one is a JSON object, for people to read too:
 *
 *     {"petiole_state": 1,
 *      "clock": 4711,
 *      "revoked": {"<id>": <Unix seconds when it was revoked>, …},
 *      "revoked_stamps": [["<name>", <value>, <Unix seconds>], …]}
 *
 * The oldest stand first. It is written to FILE.new, which then takes FILE's name: a
 * reader finds the old file or the new one, never half of one. A file that cannot be
 * read is moved to FILE.damaged and costs one line in the log, not the start. */
#ifndef PETIOLE_STATEDB_H
#define PETIOLE_STATEDB_H

#include "../error.h"
#include "revoke.h"

/* What REVOKES_MAX ids and all stamps of the longest kind take, and then some. */
#define STATEDB_MAX_BYTES ((size_t)256 << 20)

/* The wall clock says how long ago something was revoked, the other one counts on. */
struct statedb_times {
    int64_t wall_s, now_ms;
};

/* Adds what the file holds; a missing file holds nothing. Less than zero with one line
 * in *e if it could not be read: it is out of the way then, and the worker may go on.
 */
int statedb_read(const char *path, struct revoke *r, uint64_t *clock,
                 struct statedb_times t, struct error *e);
/* The document; false without memory. */
bool statedb_write_text(struct wr *out, const struct revoke *r, uint64_t clock,
                        struct statedb_times t);
/* Puts the text into the file and sees that it is on the disk. It may take as long as
 * the disk takes. */
int statedb_save(const char *path, struct str text, struct error *e);

#endif
