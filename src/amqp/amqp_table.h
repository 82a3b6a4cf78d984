/* SPDX-License-Identifier: Apache-2.0 */
/* amqp_table - AMQP's field tables as values, and back, by the types that py-amqp reads
 * and writes: what a Python peer put into a header is what it gets back. */
#ifndef PETIOLE_AMQP_TABLE_H
#define PETIOLE_AMQP_TABLE_H

#include "../../protocol/value.h"

#include <amqp.h>

/* Texts are borrowed. Bytes that are no UTF-8 become BYTES; a timestamp its seconds.
 * NULL without memory, or nested too deeply. */
const ptl_value *amqp_table_value(struct arena *a, const amqp_table_t *table);
/* A map. Texts are borrowed, entries are the arena's. False without memory, for a key
 * of more than 255 bytes, or nested too deeply. */
bool amqp_table_of(struct arena *a, const ptl_value *map, amqp_table_t *table);

#endif
