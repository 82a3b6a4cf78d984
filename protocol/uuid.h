/* SPDX-License-Identifier: Apache-2.0 */
/* uuid - RFC 4122 version 4 from random bytes the caller supplies. */
#ifndef PROTOCOL_UUID_H
#define PROTOCOL_UUID_H

#include <stdint.h>

#define UUID_TEXT 37 /* 36 characters and a NUL */

/* Sets version and variant, then prints as Python's str(uuid4()). */
void uuid_format(char out[UUID_TEXT], const uint8_t random[16]);

#endif
