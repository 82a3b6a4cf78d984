/* SPDX-License-Identifier: Apache-2.0 */
/* foreground - one task run in this process, its words going to the terminal. */
#ifndef PETIOLE_FOREGROUND_H
#define PETIOLE_FOREGROUND_H

#include "../child/verdict.h"

#include <stdio.h>

struct foreground {
    struct node node;
    struct serializers serializers;
    struct module_table table;
    struct arena arena, words;
    struct ptl_task task;
    struct verdict verdict; /* of the task that has run */
};

/* `id` is the task's; NULL makes a random one. It is borrowed. */
void foreground_init(struct foreground *f, const char *id);
void foreground_finish(struct foreground *f);
/* Takes the "plugins" object of a configuration file; NULL, or why not. */
const char *foreground_load_settings(struct foreground *f, const char *path);
/* Takes the arguments, each JSON if it reads as JSON, else text, NAME=VALUE by name.
 * False if one is not UTF-8, or memory is out. */
bool foreground_read_arguments(struct foreground *f, const struct module_row *row,
                               const char *const *argv);
/* Runs the row; the soft limit is 0 for none. */
bool foreground_run(struct foreground *f, const struct module_row *row,
                    double soft_limit_s);
/* The whole of a file; false with errno set. */
bool foreground_read_file(struct wr *w, const char *path);
/* A value as one line of JSON. */
void foreground_print(FILE *to, const ptl_value *v);

#endif
