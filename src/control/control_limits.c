/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits and time limits, from now on. */
#include "control.h"

const struct control_command control_limits_commands[] = {{0}};
