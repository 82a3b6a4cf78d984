/* SPDX-License-Identifier: Apache-2.0 */
/* remote - a command that asks workers: one request over the bus, its replies. */
#ifndef PETIOLE_REMOTE_H
#define PETIOLE_REMOTE_H

#include "../bus/bus.h"
#include "../config.h"

#define REMOTE_NODES_MAX 1024

struct remote {
    const char *command; /* "petiole inspect": stands before errors */
    struct config config;
    uv_loop_t loop;
    struct bus *bus;
    struct str nodes[REMOTE_NODES_MAX]; /* whom to ask; none: everybody */
    size_t nnodes;
    bool up, done, failed;
    struct error why; /* failed: why nobody can be asked */
    bus_replied_fn *replied;
    void *ctx; /* of replied */
};

/* Reads the settings: argv as client_open takes it. Returns 0, or EXIT_USAGE after
 * saying why. remote_close ends it once this has returned 0. */
int remote_open(struct remote *r, const char *command, int argc, char **argv);
void remote_close(struct remote *r);
/* "a@h,b@h" to r->nodes, which point into the text. 0, or EXIT_USAGE after saying why.
 */
int remote_destination(struct remote *r, const char *text);

/* Connects, asks, waits. Returns 0, whoever replied, or EXIT_NO_REPLY after saying why
 * nobody could. */
int remote_ask(struct remote *r, const struct bus_request *request,
               bus_replied_fn *replied, void *ctx);

#endif
