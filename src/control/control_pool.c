/* SPDX-License-Identifier: Apache-2.0 */
/* How many children there are. */
#include "control.h"

const struct control_command control_pool_commands[] = {{0}};
