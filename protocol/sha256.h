/* SPDX-License-Identifier: Apache-2.0 */
/* sha256 - FIPS 180-4, for ids that follow from others; not for secrets. */
#ifndef PROTOCOL_SHA256_H
#define PROTOCOL_SHA256_H

#include "str.h"

#include <stdint.h>

#define SHA256_BYTES 32

void sha256(uint8_t out[SHA256_BYTES], struct str bytes);

#endif
