/* SPDX-License-Identifier: Apache-2.0 */
/* results - the result backend of a command, asked and answered in turn.
 *
 * It is the worker's own, on the loop of the command's client. While it is
 * reconnecting, a question waits; only a backend that was never reached is an error. */
#ifndef PETIOLE_RESULTS_H
#define PETIOLE_RESULTS_H

#include "../backend.h"
#include "client.h"

#include "../../protocol/arena.h"

struct results {
    struct client *client; /* its loop and settings are used */
    struct backend *backend;
    bool up, lost, answered;
    const char *why; /* refused: why; good until the next question */
    char text[300];
    struct arena *arena; /* of the documents that are being read */
    struct str *documents;
    size_t ndocuments;
};

/* Connects. 0, or the exit code after saying why on stderr; results_close either way.
 */
int results_open(struct results *r, struct client *client);
void results_close(struct results *r);

/* Each: false after saying why. */
bool results_chord_size(struct results *r, struct str group, int64_t size);
bool results_save_group(struct results *r, struct str group, struct str document);
/* What is stored of n tasks, in the arena; .p NULL: nothing. */
bool results_read(struct results *r, const struct str *ids, size_t n, struct arena *a,
                  struct str *documents);

#endif
