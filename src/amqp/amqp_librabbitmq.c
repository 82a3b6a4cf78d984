/* SPDX-License-Identifier: Apache-2.0 */
/* The shared object that links librabbitmq. */
#include "amqp_library.h"

__attribute__((visibility("default"))) extern const struct amqp_library petiole_amqp_v1;

const struct amqp_library petiole_amqp_v1 = {
    .abi = AMQP_LIBRARY_ABI,
    .version = amqp_version,
    .new_connection = amqp_new_connection,
    .destroy_connection = amqp_destroy_connection,
    .tune = amqp_tune_connection,
    .handle_input = amqp_handle_input,
    .release = amqp_maybe_release_buffers_on_channel,
    .encode_method = amqp_encode_method,
    .encode_properties = amqp_encode_properties,
    .decode_properties = amqp_decode_properties,
    .encode_table = amqp_encode_table,
    .init_pool = init_amqp_pool,
    .empty_pool = empty_amqp_pool,
    .error_text = amqp_error_string2,
    .method_name = amqp_method_name,
};
