/* SPDX-License-Identifier: Apache-2.0 */
/* Events, the clock, and being there at all. */
#include "control.h"

const struct control_command control_event_commands[] = {{0}};
