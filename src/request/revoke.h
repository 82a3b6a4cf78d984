/* SPDX-License-Identifier: Apache-2.0 */
/* revoke - which tasks are not to be run: by id, and by a stamp they carry.
 *
 * Ids are Celery's worker_state.revoked: at most CELERY_WORKER_REVOKES_MAX of them,
 * kept for CELERY_WORKER_REVOKE_EXPIRES seconds or as long as there is room. A task is
 * put in by the revoke command, by the state file, and when it is met expired.
 *
 * Stamps are Celery's revoked_stamps: a header's name and a value. Celery keeps them
 * for ever and forgets them with the process. Here they last as long as ids do, at most
 * REVOKE_STAMPS_MAX of them, and the state file has them too.
 *
 * This is the state alone; revocation.h is what comes of it for the tasks at hand. */
#ifndef PETIOLE_REVOKE_H
#define PETIOLE_REVOKE_H

#include "limited.h"

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

#define REVOKES_MAX 50000
#define REVOKE_EXPIRES_S 10800
#define REVOKE_STAMPS_MAX 1000

struct revoke {
    struct limited ids;
    struct limited stamps; /* name NUL value, the value as JSON */
};

/* Sizes from CELERY_WORKER_REVOKES_MAX and CELERY_WORKER_REVOKE_EXPIRES, where they are
 * whole numbers that are not negative. */
void revoke_init(struct revoke *r);
void revoke_finish(struct revoke *r);

static inline bool revoke_id(struct revoke *r, struct str id, int64_t now_ms)
{
    return limited_add(&r->ids, id, now_ms);
}
static inline bool revoke_has_id(const struct revoke *r, struct str id)
{
    return limited_has(&r->ids, id);
}
/* False if it is too long to remember, or memory is out. */
bool revoke_stamp(struct revoke *r, struct str name, const ptl_value *value,
                  int64_t now_ms);
/* Whether one of the message's stamps (headers `stamped_headers` and `stamps`) is
 * revoked. If so, and `shown` is not NULL, it gets Python's repr: {'k': 'v'}. */
bool revoke_has_stamp(struct revoke *r, const ptl_value *headers, int64_t now_ms,
                      struct wr *shown);
/* The halves of an item of r->stamps. */
void revoke_split_stamp(struct str text, struct str *name, struct str *value_json);

#endif
