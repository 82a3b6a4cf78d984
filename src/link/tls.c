/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include "../loadable.h"

const struct tls_ops *tls_load(struct error *e)
{
    static const struct loadable object = {.file = "tls.so",
                                           .variable = "PETIOLE_TLS_MODULE",
                                           .symbol = TLS_SYMBOL,
                                           .abi = TLS_ABI,
                                           .purpose = "TLS",
                                           .feature = "tls"};
    static const struct tls_ops *ops;
    if (!ops)
        ops = loadable_open(&object, e);
    return ops;
}
