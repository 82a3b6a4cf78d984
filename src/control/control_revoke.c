/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that are not to be run, or not any longer. */
#include "control.h"

const struct control_command control_revoke_commands[] = {{0}};
