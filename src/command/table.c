/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands, in the order people meet them. */
#include "command.h"

#include <string.h>

static const struct command *const commands[] = {
    &command_worker,  &command_call, &command_result, &command_status, &command_inspect,
    &command_control, &command_list, &command_events, &command_purge,  &command_dead,
    &command_drain,   &command_run,  &command_config, &command_report,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct command *command_at(size_t i)
{
    return i < COMMANDS ? commands[i] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

bool command_word_at(const struct command *command, size_t i, struct command_word *word)
{
    if (command->word_at)
        return command->word_at(i, word);
    if (!command->words || !command->words[i].name)
        return false;
    *word = command->words[i];
    return true;
}
