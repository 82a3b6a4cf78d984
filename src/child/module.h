/* SPDX-License-Identifier: Apache-2.0 */
/* module - plugins: where one is found, whether it fits this worker, what it offers.
 *
 * Finding opens nothing, so the worker's parent may do it. Loading runs the plugin's
 * code and is for children and `petiole run` only. A table is filled once and then
 * only read; everything in it lives as long as the process. */
#ifndef PETIOLE_MODULE_H
#define PETIOLE_MODULE_H

#include "../attributes.h"
#include "bind.h"

#include <petiole/task.h>

#include <stdbool.h>
#include <stddef.h>

/* Why a plugin cannot be used: one line, cut rather than overrun. */
struct module_error {
    char text[1024];
};

/* What PETIOLE_PLUGIN_PATH, the build tree and the installation hold under `plugin`,
 * a name ("demo") or a path (anything with a slash), as an absolute path. */
bool module_find(const char *plugin, char *path, size_t size, struct module_error *e);

struct module {
    char *path;
    void *library; /* dlopen's; it is never closed, since rows point into it */
    const ptl_module *plugin;
    void *state; /* what its init stored */
    bool ready;  /* init has succeeded, so fini is owed */
};

struct module_row {
    ptl_def def; /* a copy: fields that an older plugin lacks are zero */
    struct str name;
    struct str function; /* the last dotted part of the name */
    struct params params;
    struct attributes attributes; /* with Celery's defaults, until set */
    struct module *module;
};

struct module_table {
    struct module **modules;
    size_t nmodules;
    struct module_row **rows; /* sorted by name */
    size_t nrows;
};

/* Adds one plugin, checked; a file that is loaded already adds nothing. */
bool module_load(struct module_table *t, const char *path, struct module_error *e);
/* Adds a table that is part of the program; `origin` is what errors call it. */
bool module_add(struct module_table *t, const ptl_module *plugin, const char *origin,
                struct module_error *e);
/* Calls the inits that have not been called, and at the end of the process the finis.
 */
bool module_init_all(struct module_table *t, struct module_error *e);
void module_finish_all(struct module_table *t);

/* Resolves what holds for each row under these settings; `annotations` is JSON text, or
 * empty. */
bool module_set_attributes(struct module_table *t, const struct attributes *worker,
                           struct str annotations, struct module_error *e);

const struct module_row *module_row(const struct module_table *t, struct str name);

#endif
