/* SPDX-License-Identifier: Apache-2.0 */
/* limit - sees that memory runs out in a child, and not in the parent beside it. */
#ifndef PETIOLE_LIMIT_H
#define PETIOLE_LIMIT_H

#include <stdint.h>

/* From here on the process cannot get more memory of its own (RLIMIT_DATA: heap and
 * anonymous mappings; files mapped read-only, such as model weights, do not count).
 * What asks for more gets NULL, and what then fails is the task. 0: no limit. */
void limit_memory(uint64_t bytes);
/* Should the whole machine or container run out, the kernel takes a child first. */
void limit_offer_to_oom_killer(void);

#endif
