/* SPDX-License-Identifier: Apache-2.0 */
/* documents - the handlers of the plugin, one file each. */
#ifndef DOCUMENTS_H
#define DOCUMENTS_H

#include <petiole/task.h>

ptl_value *documents_encode(ptl_task *t);
ptl_value *documents_chunk(ptl_task *t);
ptl_value *documents_embed(ptl_task *t);
ptl_value *documents_search(ptl_task *t);

#endif
