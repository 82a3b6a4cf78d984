/* SPDX-License-Identifier: Apache-2.0 */
/* amqp_library - what is used of librabbitmq: its reader of frames and its codecs, none
 * of its sockets.
 *
 * It stands in a shared object of its own, loaded for the first amqp:// address:
 * librabbitmq brings OpenSSL with it, and a worker on Redis maps none of it. */
#ifndef PETIOLE_AMQP_LIBRARY_H
#define PETIOLE_AMQP_LIBRARY_H

#include "../error.h"

#include <amqp.h>
#include <amqp_framing.h>

#define AMQP_LIBRARY_ABI 1
#define AMQP_LIBRARY_SYMBOL "petiole_amqp_v1"

struct amqp_library { /* what the shared object exports: librabbitmq's own functions */
    unsigned abi;
    const char *(*version)(void);
    amqp_connection_state_t (*new_connection)(void);
    int (*destroy_connection)(amqp_connection_state_t state);
    int (*tune)(amqp_connection_state_t state, int channel_max, int frame_max,
                int heartbeat);
    int (*handle_input)(amqp_connection_state_t state, amqp_bytes_t bytes,
                        amqp_frame_t *frame);
    void (*release)(amqp_connection_state_t state, amqp_channel_t channel);
    int (*encode_method)(amqp_method_number_t id, void *method, amqp_bytes_t room);
    int (*encode_properties)(uint16_t class_id, void *properties, amqp_bytes_t room);
    int (*decode_properties)(uint16_t class_id, amqp_pool_t *pool, amqp_bytes_t raw,
                             void **properties);
    int (*encode_table)(amqp_bytes_t room, amqp_table_t *table, size_t *offset);
    void (*init_pool)(amqp_pool_t *pool, size_t page_bytes);
    void (*empty_pool)(amqp_pool_t *pool);
    const char *(*error_text)(int code);
    const char *(*method_name)(amqp_method_number_t id);
};

/* The shared object, loaded once. NULL with *e, which says what to install. */
const struct amqp_library *amqp_library_load(struct error *e);

#endif
