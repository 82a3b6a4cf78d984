/* SPDX-License-Identifier: Apache-2.0 */
/* shown - settings as others may see them: `petiole report`, and the replies to the
 * remote control's conf and report. Secrets are masked, as Celery masks them. */
#ifndef PETIOLE_CONFIG_SHOWN_H
#define PETIOLE_CONFIG_SHOWN_H

#include "../config.h"

#include "../../protocol/value.h"

/* A map by Celery's names, what has a dot in its name in maps of their own: what
 * differs from the defaults, or everything that has a row with an effect. broker_url,
 * result_backend, deprecated_settings and include are always there. Text is
 * borrowed from the configuration. NULL without memory. */
const ptl_value *config_shown(const struct config *c, bool with_defaults,
                              struct arena *a);
/* A URL that is masked already, with as many stars as Celery shows: in the arena. */
const ptl_value *config_shown_url(struct arena *a, const char *masked);

#endif
