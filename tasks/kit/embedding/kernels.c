/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Best first. Chosen by what the CPU and the kernel say they can do, never by model
 * numbers, which virtual machines make up. */
static const struct kernel_set *const sets[] = {
#ifdef EMBEDDING_X86
    &kernels_amx,
    &kernels_avx2,
#endif
    &kernels_scalar,
};

enum { SETS = sizeof(sets) / sizeof(sets[0]) };

static const struct kernel_set *force(const struct kernel_set *set, char *why,
                                      size_t why_size)
{
    char reason[160];
    if (set->available(reason, sizeof(reason)))
        return set;
    snprintf(why, why_size, "cannot embed with the %s kernels: %s", set->name, reason);
    return NULL;
}

static const struct kernel_set *by_name(const char *name, char *why, size_t why_size)
{
    for (int i = 0; i < SETS; i++) {
        if (strcmp(sets[i]->name, name) == 0)
            return force(sets[i], why, why_size);
    }
    snprintf(why, why_size,
             "cannot embed with PETIOLE_EMBEDDING_PATH=%.40s: this build knows scalar, "
             "avx2 and amx (on x86-64)",
             name);
    return NULL;
}

static const struct kernel_set *by_path(enum embedding_path path, char *why,
                                        size_t why_size)
{
    for (int i = 0; i < SETS; i++) {
        if (sets[i]->path == path)
            return force(sets[i], why, why_size);
    }
    snprintf(why, why_size, "cannot embed: kernels of number %d are not in this build",
             (int)path);
    return NULL;
}

const struct kernel_set *kernels_choose(enum embedding_path path, char *why,
                                        size_t why_size)
{
    const char *name = getenv("PETIOLE_EMBEDDING_PATH");
    if (path != EMBEDDING_BEST)
        return by_path(path, why, why_size);
    if (name && *name)
        return by_name(name, why, why_size);
    for (int i = 0; i < SETS - 1; i++) {
        if (sets[i]->available(why, why_size))
            return sets[i];
    }
    return &kernels_scalar;
}
