/* SPDX-License-Identifier: Apache-2.0 */
/* effects - what follows from an outcome, as text that a test can compare:
 *
 *     PUBLISH celery demo.add[id] [[5, 1], {}, {"callbacks": null, …}] parent of root
 *     STORE id {"status": …}
 *     PART group id 0 [1, "id", "SUCCESS", 5] */
#ifndef TEST_EFFECTS_H
#define TEST_EFFECTS_H

#include "peer.h"

/* The EFFECT frames behind DONE, a line each; good until the next call. */
const char *effects_hear(struct peer *p, const struct frame_done *d);
/* The same with every date, and what is no id of the test's own, as "<>". */
void effects_are(struct peer *p, const struct frame_done *d, const char *expected);

#endif
