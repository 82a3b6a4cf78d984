/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp - the ISO 8601 forms that Celery puts on the wire.
 *
 * Times are microseconds since the Unix epoch, in UTC. */
#ifndef PROTOCOL_TIMESTAMP_H
#define PROTOCOL_TIMESTAMP_H

#include "str.h"

#include <stdint.h>

#define TIMESTAMP_TEXT 40

/* "2026-11-22T14:24:43.115586+00:00", as datetime.isoformat() of an aware UTC value:
 * no fraction when the microseconds are zero. */
void timestamp_format(char out[TIMESTAMP_TEXT], int64_t us);
/* What datetime.fromisoformat takes from a Celery header: naive means UTC; "Z", ±HH:MM
 * and ±HH:MM:SS offsets; any separator; any digits of fraction, cut to six; without
 * dashes and colons, too; a date alone. Not week dates. */
bool timestamp_parse(struct str text, int64_t *us);

#endif
