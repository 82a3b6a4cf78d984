/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

const struct control_command control_gossip_commands[] = {{0}};
