/* SPDX-License-Identifier: Apache-2.0 */
/* protection - what the helper's sandbox will lack on this machine. The rest of it is
 * mandatory and refuses by itself where it is missing. */
#include "extract.h"
#include "sandbox.h"

const char *extract_missing_protection(void)
{
    static int version = -1;

    if (version < 0)
        version = landlock_version();
    return version > 0
               ? NULL
               : "this kernel or container has no Landlock: a program that takes "
                 "over the PDF converter could read files any user may read (it "
                 "has no network to send them anywhere, and cannot write)";
}
