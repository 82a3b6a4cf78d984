/* SPDX-License-Identifier: Apache-2.0 */
/* locate - where petiole-extract is: named by PETIOLE_EXTRACT_HELPER, else beside this
 * code or the program in a build tree, else where it was installed. */
#ifndef EXTRACT_LOCATE_H
#define EXTRACT_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

/* False if there is none; path then holds the place of the installed one. */
bool locate_helper(char *path, size_t size);

#endif
