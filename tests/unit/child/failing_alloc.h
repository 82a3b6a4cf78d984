/* SPDX-License-Identifier: Apache-2.0 */
/* failing_alloc - makes the n-th allocation fail, once, in tests linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef TEST_FAILING_ALLOC_H
#define TEST_FAILING_ALLOC_H

#include <stdbool.h>

/* The n-th allocation from now fails, counted from 0; a negative n means none. */
void alloc_fail_at(int n);
/* Whether it came to that. */
bool alloc_has_failed(void);

#endif
