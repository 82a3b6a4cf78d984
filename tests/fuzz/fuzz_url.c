/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, as people write them into settings: whatever is taken keeps its password out of
 * the mask, and whatever is refused says so in one line. */
#include "../../src/link/url.h"
#include "fuzz.h"

#include <string.h>

static void check_mask(const struct url *u, enum url_mask as)
{
    char masked[URL_MASKED_BYTES];
    url_mask(u, as, masked);
    fuzz_check(!strpbrk(masked, "\r\n"), "a mask of more than one line");
    fuzz_check(strstr(masked, "://"), "a mask without its scheme");
    fuzz_check(strlen(u->password) < 12 || !strstr(masked, u->password) ||
                   strstr(u->host, u->password) || strstr(u->user, u->password),
               "a password in the mask");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2048];
    struct url u;
    struct error e = {0};

    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (url_parse(&u, text, &e) < 0) {
        fuzz_check(e.code && e.msg[0], "a refusal without a reason");
        fuzz_check(!strpbrk(e.msg, "\r\n"), "a refusal of more than one line");
        return 0;
    }
    fuzz_check(u.host[0], "a URL without a host");
    fuzz_check(u.is_socket || u.port > 0, "a URL without a port");
    check_mask(&u, URL_MASK_BROKER);
    check_mask(&u, URL_MASK_BACKEND);
    return 0;
}
