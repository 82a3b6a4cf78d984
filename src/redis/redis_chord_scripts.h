/* SPDX-License-Identifier: Apache-2.0 */
/* redis_chord_scripts - what must happen in Redis in one step for chords; arguments and
 * answers stand beside each script. */
#ifndef PETIOLE_REDIS_CHORD_SCRIPTS_H
#define PETIOLE_REDIS_CHORD_SCRIPTS_H

#include "redis.h"

struct redis_chord_scripts {
    struct redis_script part, sending, end, size, grow; /* of a chord */
    struct redis_script strings, parts;                 /* reading */
};

/* A fresh set, to be loaded on each connection. */
void redis_chord_scripts_init(struct redis_chord_scripts *s);
/* The set as an array for redis_load_scripts. */
#define REDIS_CHORD_SCRIPTS 7
void redis_chord_scripts_list(struct redis_chord_scripts *s,
                              struct redis_script *out[REDIS_CHORD_SCRIPTS]);

#endif
