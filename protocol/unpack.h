/* SPDX-License-Identifier: Apache-2.0 */
/* unpack - undoes the compressions that kombu knows, never beyond the writer's max. */
#ifndef PROTOCOL_UNPACK_H
#define PROTOCOL_UNPACK_H

#include "buf.h"

enum unpack_result {
    UNPACK_OK,
    UNPACK_UNKNOWN, /* no such compression, or not built in */
    UNPACK_CORRUPT, /* or cut short */
    UNPACK_TOO_LARGE,
};

/* `type` is a MIME type or one of kombu's aliases for it ("zlib"). */
enum unpack_result unpack(struct wr *out, struct str type, struct str packed);

#endif
