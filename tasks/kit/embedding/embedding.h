/* SPDX-License-Identifier: Apache-2.0 */
/* embedding - sentence vectors of all-MiniLM-L6-v2, on the CPU.
 *
 * A model is one prepacked file, mapped read-only, so that the processes of a worker
 * share one copy in memory and in cache. Texts are read in windows of 254 word pieces,
 * which with [CLS] and [SEP] are the model's 256 tokens. A window's vector is the mean
 * of its rows at length one; a longer text's is the mean of its windows' vectors, each
 * weighted by its pieces, at length one again. See docs/embedding.md. */
#ifndef KIT_EMBEDDING_H
#define KIT_EMBEDDING_H

#include "../../../protocol/str.h"

#include <stdbool.h>
#include <stddef.h>

#define EMBEDDING_DIMENSION 384

/* Which kernels: chosen by CPU features unless forced (PETIOLE_EMBEDDING_PATH). */
enum embedding_path {
    EMBEDDING_BEST,
    EMBEDDING_SCALAR, /* the reference the others are compared with */
    EMBEDDING_AVX2,   /* fp32 */
    EMBEDDING_AMX,    /* bf16 */
};

struct embedder;

/* Maps a prepacked model. On failure returns -errno with one line in why: what was
 * attempted, why it failed, what to do. */
int embedder_open(struct embedder **out, const char *path, enum embedding_path kernels,
                  char *why, size_t why_size);
void embedder_close(struct embedder *e);
const char *embedder_path_name(const struct embedder *e); /* "avx2", … */

/* One unit vector per text into vectors[n][EMBEDDING_DIMENSION]. `progress`, if given,
 * is called between micro-batches with the texts done so far; returning false stops
 * with -ECANCELED. -ENOMEM is the only other failure. */
int embedder_run(struct embedder *e, const struct str *texts, size_t n, float *vectors,
                 bool (*progress)(void *ctx, size_t done), void *ctx);

#endif
