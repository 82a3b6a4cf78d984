/* SPDX-License-Identifier: Apache-2.0 */
/* uuid - sixteen random bytes as text. */
#include "uuid.h"

void uuid_format(char out[UUID_TEXT], const uint8_t random[16])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (int i = 0; i < 16; i++) {
        uint8_t b = random[i];
        if (i == 6)
            b = (uint8_t)((b & 0x0f) | 0x40); /* version 4 */
        if (i == 8)
            b = (uint8_t)((b & 0x3f) | 0x80); /* RFC 4122's variant */
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[b >> 4];
        *p++ = hex[b & 15];
    }
    *p = '\0';
}
