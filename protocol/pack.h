/* SPDX-License-Identifier: Apache-2.0 */
/* pack - the compressions that kombu knows, for what is published. unpack.h undoes
 * them. brotli is only undone: its encoder is large, and none is needed to be read. */
#ifndef PROTOCOL_PACK_H
#define PROTOCOL_PACK_H

#include "buf.h"

#define PACK_RESULT_MAGIC "\0celery-compressed"

/* The MIME type that goes into the header `compression`, of a type or one of kombu's
 * aliases ("zlib"); NULL if this build cannot compress so. */
const char *pack_content_type(struct str name);
/* False if there is no such compression, or w is bad. */
bool pack(struct wr *w, struct str name, struct str plain);
/* As Celery 5.7 stores a result under result_compression: PACK_RESULT_MAGIC with its
 * NUL, the type and a NUL, and then the packed document. */
bool pack_result(struct wr *w, struct str name, struct str document);

#endif
