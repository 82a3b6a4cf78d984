/* SPDX-License-Identifier: Apache-2.0 */
/* speaker - a task's words to its parent, each a frame that is sent at once. */
#ifndef PETIOLE_SPEAKER_H
#define PETIOLE_SPEAKER_H

#include "task.h"
#include "wire.h"

struct task_sink speaker_sink(struct wire *w);

#endif
