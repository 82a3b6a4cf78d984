/* SPDX-License-Identifier: Apache-2.0 */
/* no_symbol - a shared object, but no plugin. */
#include <petiole/task.h>

PTL_API int no_symbol(void);
PTL_API int no_symbol(void)
{
    return 0;
}
