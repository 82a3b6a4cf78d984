/* SPDX-License-Identifier: Apache-2.0 */
/* redis_chord - chords and groups in Celery's Redis result backend.
 *
 *     redis_chord_scripts.c   what happens in Redis, and on which keys
 *     redis_chord.c           counting parts, claiming, ending
 *     redis_group.c           sizes, and the documents of groups
 *     redis_read.c            reading results and parts, in slices
 */
#ifndef PETIOLE_REDIS_CHORD_H
#define PETIOLE_REDIS_CHORD_H

#include "../backend.h"
#include "redis.h"

#define REDIS_GROUP_KEY_MAX 512 /* bytes of a key with a group's id in it */

struct redis_backend;

/* The operations of struct backend_ops. */
void redis_chord_part(struct backend *base, const struct backend_part *part,
                      backend_part_fn *done, void *ctx);
void redis_chord_sending(struct backend *base, struct str group, struct str task_id,
                         backend_part_fn *done, void *ctx);
void redis_chord_end(struct backend *base, struct str group, struct str task_id,
                     bool sent, backend_done_fn *done, void *ctx);
void redis_chord_size(struct backend *base, struct str group, int64_t size, bool again,
                      backend_done_fn *done, void *ctx);
void redis_chord_grow(struct backend *base, struct str group, backend_done_fn *done,
                      void *ctx);
void redis_save_group(struct backend *base, struct str group, struct str document,
                      backend_done_fn *done, void *ctx);
void redis_read(struct backend *base, enum backend_read what, const struct str *ids,
                size_t n, backend_read_fn *done, void *ctx);

/* How long what is kept of chords lives, in seconds. */
struct redis_chord_times {
    int64_t chord; /* result_chord_expires, or as results; 0: for ever */
    int64_t group; /* of a group's document, which users read too; 0: left as it is */
    int64_t claim, done;
};
struct redis_chord_times redis_chord_times(const struct redis_backend *b);

/* The group's key, or one that ends in `suffix`, as one argument of a command. */
void redis_chord_key(struct redis_backend *b, struct str group, const char *suffix);
/* NULL, or why no key can be made of this id. */
const char *redis_chord_check(struct str group);

#endif
