/* SPDX-License-Identifier: Apache-2.0 */
/* fake_amqp - an AMQP server for one client, on a unix socket and the loop of what is
 * tested. It greets as RabbitMQ does unless told otherwise, opens channels, and says
 * what a test makes it say. */
#ifndef TEST_FAKE_AMQP_H
#define TEST_FAKE_AMQP_H

#include "../../../src/amqp/amqp.h"

struct fake_amqp {
    uv_loop_t *loop;
    uv_pipe_t listener, client;
    bool has_client;
    char folder[32], path[64];
    struct url url;
    amqp_connection_state_t reader;
    uint16_t heartbeat_s;   /* that it asks for */
    unsigned silent_after;  /* so many frames it answers; 0: all */
    bool refuses;           /* the login */
    bool answers_questions; /* of channels, beyond their opening */
    unsigned connections, frames, heartbeats;
    amqp_method_number_t heard[64]; /* methods, the newest last */
    unsigned nheard;
    char response[64], vhost[64];
    struct wr body;    /* what was published, one after the other */
    size_t tear_bytes; /* it speaks in pieces of so many bytes; 0: whole */
};

void fake_amqp_start(struct fake_amqp *f, uv_loop_t *loop);
void fake_amqp_stop(struct fake_amqp *f);
void fake_amqp_finish(struct fake_amqp *f);
void fake_amqp_hang_up(struct fake_amqp *f);
/* How often it heard the method. */
unsigned fake_amqp_count(const struct fake_amqp *f, amqp_method_number_t id);

void fake_amqp_bytes(struct fake_amqp *f, struct str bytes);
void fake_amqp_frame(struct fake_amqp *f, uint8_t type, uint16_t channel,
                     struct str payload);
void fake_amqp_method(struct fake_amqp *f, uint16_t channel, amqp_method_number_t id,
                      void *method);
/* The header of a content, with a content type. */
void fake_amqp_header(struct fake_amqp *f, uint16_t channel, uint64_t size);
/* basic.deliver by tag 7 with its whole content, in parts of at most `part` bytes. */
void fake_amqp_deliver(struct fake_amqp *f, uint16_t channel, struct str body,
                       size_t part);

#endif
