/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - RFC 4648, as Python's b64encode writes and b64decode reads it: characters
 * outside the alphabet are skipped, wrong padding is an error. */
#ifndef PROTOCOL_BASE64_H
#define PROTOCOL_BASE64_H

#include "arena.h"
#include "buf.h"

/* .p is NULL on bad padding or when the arena is full (then arena.failed is set). */
struct str base64_decode(struct arena *a, struct str text);
void base64_encode(struct wr *w, struct str bytes);

#endif
