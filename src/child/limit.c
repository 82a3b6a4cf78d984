/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#include <stdio.h>
#include <sys/resource.h>

#define MORE_LIKELY 300 /* of 1000, which is certain */

void limit_memory(uint64_t bytes)
{
    struct rlimit limit;

    if (bytes == 0 || getrlimit(RLIMIT_DATA, &limit) != 0)
        return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < bytes)
        bytes = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = bytes;
    setrlimit(RLIMIT_DATA, &limit);
}

/* Anybody may raise it. Without /proc the kernel decides by size, as it would have. */
void limit_offer_to_oom_killer(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "r+e");
    int score = 0;

    if (!f)
        return;
    if (fscanf(f, "%d", &score) == 1) {
        rewind(f);
        fprintf(f, "%d", score + MORE_LIKELY < 1000 ? score + MORE_LIKELY : 1000);
    }
    fclose(f);
}
