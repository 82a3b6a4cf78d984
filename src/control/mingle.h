/* SPDX-License-Identifier: Apache-2.0 */
/* mingle - workers tell each other, when one starts, what is revoked and how late it is
 * by Lamport's clock: the command `hello`, answered always, and asked whenever the bus
 * comes up. Nothing waits for the answers.
 *
 * Revoked ids travel as a list, the oldest first, as Celery's since 5.7; older ones
 * take a list as well, and what they send, {id: [when, id]}, is understood. When is a
 * clock that counts from the boot of their host, and says nothing here. */
#ifndef PETIOLE_MINGLE_H
#define PETIOLE_MINGLE_H

struct worker;

/* Asks, unless --without-mingle, or while it still waits for answers. */
void mingle_begin(struct worker *w);

#endif
