/* SPDX-License-Identifier: Apache-2.0 */
/* methods - the requests of the remote control that `petiole inspect` and `petiole
 * control` know, and what each takes on the command line: Celery's, by its names. */
#ifndef PETIOLE_METHODS_H
#define PETIOLE_METHODS_H

#include "../error.h"
#include "command.h"

#include "../../protocol/value.h"

extern const struct command_word inspect_methods[], control_methods[];

/* The arguments of a request to `method`, a map, made of the words behind it. NULL with
 * one line in *e: too few, too many, or one that is no number where one is needed. */
const ptl_value *method_arguments(const struct command_word *method, struct arena *a,
                                  const char *const *words, size_t nwords,
                                  struct error *e);

#endif
