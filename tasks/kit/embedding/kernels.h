/* SPDX-License-Identifier: Apache-2.0 */
/* kernels - the network itself, once for each kind of CPU.
 *
 * A kernel set is one file, compiled with its own instruction set and entered only
 * after `available` has said yes. It turns the ids of a micro-batch into the last
 * layer's rows; tokenizing, pooling and everything else is shared. A further set (other
 * instructions, other number formats) is another file and another row of the table. */
#ifndef KIT_KERNELS_H
#define KIT_KERNELS_H

#include "embedding.h"
#include "model.h"

#include <stdalign.h>

enum {
    BATCH_ROWS = 256, /* as many keep weights and activations both in cache */
    BATCH_WINDOWS = BATCH_ROWS / 2,
};

/* Windows one behind the other, as rows of one matrix. Only attention and positions
 * know where one ends and the next begins. */
struct batch {
    size_t rows, windows;
    uint16_t first[BATCH_WINDOWS], length[BATCH_WINDOWS]; /* in rows */
    uint32_t ids[BATCH_ROWS];
};

/* Activations; fp32 sets use every member, others reuse the room of `scratch`. */
struct work {
    alignas(64) float x[BATCH_ROWS * MODEL_WIDTH]; /* the outcome */
    alignas(64) unsigned char scratch[];
};

struct kernel_set {
    const char *name;
    enum embedding_path path;
    size_t scratch_bytes;
    /* May this process use it? If not, why, as the end of a sentence. */
    bool (*available)(char *why, size_t why_size);
    void (*encode)(const struct model *m, const struct batch *b, struct work *w);
};

extern const struct kernel_set kernels_scalar, kernels_avx2, kernels_amx;

/* The best available set, or the forced one; NULL with one line in why. */
const struct kernel_set *kernels_choose(enum embedding_path path, char *why,
                                        size_t why_size);

/* embedder_open for a set that is in no table: a test's. */
int embedder_open_with(struct embedder **out, const char *path,
                       const struct kernel_set *set, char *why, size_t why_size);

#endif
