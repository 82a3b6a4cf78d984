/* SPDX-License-Identifier: Apache-2.0 */
/* What is active, reserved, scheduled, revoked. */
#include "control.h"

const struct control_command control_inspect_commands[] = {{0}};
