/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp_library.h"

#include "../shared_object.h"

const struct amqp_library *amqp_library_load(struct error *e)
{
    static const struct shared_object object = {.file = "amqp.so",
                                                .variable = "PETIOLE_AMQP_MODULE",
                                                .symbol = AMQP_LIBRARY_SYMBOL,
                                                .abi = AMQP_LIBRARY_ABI,
                                                .purpose = "AMQP",
                                                .feature = "amqp"};
    static const struct amqp_library *library;
    if (!library)
        library = shared_object_load(&object, e);
    return library;
}
