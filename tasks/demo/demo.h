/* SPDX-License-Identifier: Apache-2.0 */
/* demo - what the plugin's files share. */
#ifndef DEMO_H
#define DEMO_H

#include <petiole/task.h>

/* send.c */
ptl_value *demo_send(ptl_task *t);
ptl_value *demo_fan_out(ptl_task *t);

/* workflow.c */
ptl_value *demo_chain(ptl_task *t);
ptl_value *demo_group(ptl_task *t);
ptl_value *demo_chord(ptl_task *t);
ptl_value *demo_apply(ptl_task *t);
ptl_value *demo_replace(ptl_task *t);
ptl_value *demo_add_to_chord(ptl_task *t);
ptl_value *demo_xsum(ptl_task *t);

/* again.c */
ptl_value *demo_retry_with(ptl_task *t);
ptl_value *demo_fail_with(ptl_task *t);
ptl_value *demo_reject_for(ptl_task *t);

#endif
