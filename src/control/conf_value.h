/* SPDX-License-Identifier: Apache-2.0 */
/* conf_value - the settings as Celery's Settings.table shows them: by Celery's names,
 * those with a dot within an object, secrets masked. */
#ifndef PETIOLE_CONF_VALUE_H
#define PETIOLE_CONF_VALUE_H

#include "../config.h"

#include "../../protocol/arena.h"
#include "../../protocol/value.h"

/* A map; NULL without memory. Only what differs from the defaults, and always
 * broker_url, result_backend, deprecated_settings and include; or everything. Text is
 * borrowed from the configuration. */
const ptl_value *conf_table(struct arena *a, const struct config *c,
                            bool with_defaults);
/* A URL that is masked already, with as many stars as Celery shows: in the arena. */
const ptl_value *conf_masked(struct arena *a, const char *masked);

#endif
