/* SPDX-License-Identifier: Apache-2.0 */
/* Which queues are consumed. */
#include "control.h"

const struct control_command control_consumer_commands[] = {{0}};
