/* SPDX-License-Identifier: Apache-2.0 */
/* value - one setting's value, from text or from JSON, into its field.
 *
 * `as` is how the user named it: "option '-c'", "setting 'worker_concurrency'". */
#ifndef PETIOLE_CONFIG_VALUE_H
#define PETIOLE_CONFIG_VALUE_H

#include "../config.h"

/* Replaces *field by a copy of text. */
int config_copy_text(char **field, const char *text, struct error *e);
/* From an option, a variable or a default. Returns 0, or -EINVAL with one line in *e.
 */
int config_set(struct config *c, const struct config_option *o, const char *text,
               const char *as, struct error *e);
/* From the file. null leaves a setting as it is where it has no meaning of its own. */
int config_set_json(struct config *c, const struct config_option *o,
                    struct json_object *value, const char *as, struct error *e);

#endif
