/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker is made of and has used. */
#include "control.h"

const struct control_command control_stats_commands[] = {{0}};
