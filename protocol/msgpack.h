/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack - what Python's msgpack.packb(use_bin_type=True) writes and
 * msgpack.unpackb(raw=False) reads, which is what kombu calls.
 *
 * Own code for a reason: msgpack-c takes memory for as many items as four bytes
 * announce before it has seen one of them, and refuses what is nested deeper than 32.
 * Here no count is believed beyond the bytes that are there, depth and number of values
 * are bounded as for JSON, and text must be UTF-8.
 *
 * Integers beyond 64 signed bits are BIGINTs. Map keys must be text: Python refuses all
 * but text and bytes. The extension types, among them msgpack's own timestamp, are
 * refused: kombu writes none. */
#ifndef PROTOCOL_MSGPACK_H
#define PROTOCOL_MSGPACK_H

#include "serializer.h"

const ptl_value *msgpack_read(struct arena *a, struct str bytes,
                              struct serializer_error *e);
/* False for what packb cannot write, an integer beyond 64 bits, a lone surrogate, a
 * datetime, Decimal or UUID, or if w is bad. */
bool msgpack_write(struct wr *w, const ptl_value *v);

#endif
