/* SPDX-License-Identifier: Apache-2.0 */
/* Signed bodies and certificates: whatever they hold, nobody is believed. */
#include "../../protocol/signed.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 22)
#define NOW_S 1795357496

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char wrong[SIGNED_WHY_MAX] = "";
    struct str bytes = {(const char *)data, size};
    struct signers *s = signers_create("sha256", wrong);
    struct serializer_signed opened;
    const char *why = NULL;
    struct arena a;

    arena_init(&a, MEMORY_MAX);
    fuzz_check(s && !signed_open(s, &a, bytes, NOW_S, &opened, &why),
               "a signature of nobody");
    fuzz_check(why || a.failed, "a fault without a reason");
    fuzz_check(signers_add(s, bytes, NOW_S, wrong) || wrong[0],
               "a certificate refused without a reason");
    signers_destroy(s);
    arena_finish(&a);
    return 0;
}
