/* SPDX-License-Identifier: Apache-2.0 */
/* annotations - from settings to struct attributes. */
#ifndef PETIOLE_CONFIG_ANNOTATIONS_H
#define PETIOLE_CONFIG_ANNOTATIONS_H

#include "../config.h"

/* The check of setting task_annotations. */
int config_check_annotations(struct json_object *value, struct error *e);
/* Fills c->attributes. */
int config_derive_attributes(struct config *c, struct error *e);

#endif
