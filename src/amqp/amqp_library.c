/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp_library.h"

#include "../loadable.h"

const struct amqp_library *amqp_library_load(struct error *e)
{
    static const struct loadable object = {.file = "amqp.so",
                                           .variable = "PETIOLE_AMQP_MODULE",
                                           .symbol = AMQP_LIBRARY_SYMBOL,
                                           .abi = AMQP_LIBRARY_ABI,
                                           .purpose = "AMQP",
                                           .feature = "amqp"};
    static const struct amqp_library *library;
    if (!library)
        library = loadable_open(&object, e);
    return library;
}
