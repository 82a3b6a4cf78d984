/* SPDX-License-Identifier: Apache-2.0 */
/* replay - a canvas whose calls become a record like those in tests/golden/canvas, and
 * the comparison of the two up to the names of the ids that were made. */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include "../../../protocol/canvas/canvas.h"

struct replay {
    struct arena arena;
    struct canvas canvas;
    ptl_value *events; /* ["call", …], ["size", …], ["group", …] */
    unsigned ids;
    const ptl_value *line; /* of the file, with its "what" */
};

/* Calls visit for each line of a file below tests/golden, each with a canvas of its
 * own. A visit that returns false has found a difference: after the last line the test
 * fails if there was one. */
void replay_each(const char *path, bool (*visit)(struct replay *r));

/* Notes what a test does beside the canvas. */
void replay_note(struct replay *r, const char *what, struct str group_id);
/* Whether they say the same, ids that were made aside; says where they do not. */
bool replay_same(struct replay *r, const char *what, const ptl_value *expected,
                 const ptl_value *actual);
/* Compares what was applied, with what the line says: "events", "trail" and, if the
 * line says it, "applied"; or that there is a fault where it has an "error". */
bool replay_check(struct replay *r, const ptl_value *trail);

#endif
