/* SPDX-License-Identifier: Apache-2.0 */
/* load - the sources of settings, each in its file; config.c says in which order. */
#ifndef PETIOLE_CONFIG_LOAD_H
#define PETIOLE_CONFIG_LOAD_H

#include "../config.h"

/* config.c: what the rows say, into a struct of zeros. config_finish frees it. */
int config_load_defaults(struct config *c, struct error *e);
/* file.c: the JSON object in c->config_file. */
int config_load_file(struct config *c, struct error *e);
/* The settings under a prefix: {"visibility_timeout": 600}. */
int config_try_object(struct config *c, const char *prefix, struct json_object *object,
                      struct error *e);
/* arguments.c: `only_config` reads --config alone, whose file is weaker than the rest.
 */
int config_load_arguments(struct config *c, int argc, char **argv, bool only_config,
                          struct error *e);
/* process.c: node name, files, pool. */
int config_derive_process(struct config *c, struct error *e);
/* derive.c: what follows from the settings, and what they must agree on. */
int config_derive(struct config *c, struct error *e);

#endif
