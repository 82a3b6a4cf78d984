/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka_all - cmocka with the headers it wants included before it. */
#ifndef TESTS_CMOCKA_ALL_H
#define TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../protocol/str.h"

/* Two slices, shown as text if they differ. */
#define assert_str(actual, expected)                                                   \
    do {                                                                               \
        struct str a_ = (actual), e_ = (expected);                                     \
        if (!str_eq(a_, e_))                                                           \
            fail_msg("\n  got      " STR_FMT "\n  expected " STR_FMT, STR_ARG(a_),     \
                     STR_ARG(e_));                                                     \
    } while (0)

#endif
