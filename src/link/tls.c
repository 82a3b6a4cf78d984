/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include "../shared_object.h"

const struct tls_ops *tls_load(struct error *e)
{
    static const struct shared_object object = {.file = "tls.so",
                                                .variable = "PETIOLE_TLS_MODULE",
                                                .symbol = TLS_SYMBOL,
                                                .abi = TLS_ABI,
                                                .purpose = "TLS",
                                                .feature = "tls"};
    static const struct tls_ops *ops;
    if (!ops)
        ops = shared_object_load(&object, e);
    return ops;
}
