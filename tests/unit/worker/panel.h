/* SPDX-License-Identifier: Apache-2.0 */
/* panel - a worker with nothing but its remote control, a table of tasks, and a bus
 * that keeps the last reply: what a request is answered with, without a broker. */
#ifndef TEST_PANEL_H
#define TEST_PANEL_H

#include "../../../src/control/control.h"

struct panel {
    struct worker w;
    struct config config;
    struct bus bus;
    struct arena arena;
    unsigned replies;
    uint64_t clock; /* the last reply's */
    char *body;     /* its text; owned */
    char routing_key[256], ticket[64];
};

void panel_start(struct panel *p);
void panel_finish(struct panel *p);
/* The worker's tasks from here on. */
void panel_know(struct panel *p, const struct frame_row *rows, uint32_t n);
/* A request for a message, in RQ_RECEIVED. text: {"body", "headers", …} as taken. */
struct request *panel_take(struct panel *p, const char *text);
/* Hands over a request, a JSON text; how many replies came of it. */
unsigned panel_hear(struct panel *p, const char *request);
/* The same for a method, with a reply_to. arguments: a JSON text. */
unsigned panel_call(struct panel *p, const char *method, const char *arguments);
/* The value that the last reply holds for the node. Lives until the next request. */
const ptl_value *panel_reply(struct panel *p);

#endif
