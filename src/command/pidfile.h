/* SPDX-License-Identifier: Apache-2.0 */
/* pidfile - a file that says which process holds a name: "<pid>\n", as Celery writes
 * it.
 *
 * A file whose process is gone is replaced; two that start at once cannot both have it,
 * since it is made whole under another name and linked into its place. */
#ifndef PETIOLE_PIDFILE_H
#define PETIOLE_PIDFILE_H

#include "../error.h"

/* 0; -EEXIST if another live process holds it; another negative errno. One line in *e.
 */
int pidfile_acquire(const char *path, struct error *e);
/* Removes it if it is this process's. */
void pidfile_release(const char *path);

#endif
