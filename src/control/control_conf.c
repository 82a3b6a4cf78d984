/* SPDX-License-Identifier: Apache-2.0 */
/* Its settings, queues and tasks. */
#include "control.h"

const struct control_command control_conf_commands[] = {{0}};
