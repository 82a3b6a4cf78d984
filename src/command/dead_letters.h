/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letters - the list of dead letters, read by pages and changed one by one.
 *
 * A letter is named by the first 12 digits of the SHA1 of its text: an index would move
 * when another comes. Pages go from the oldest to the newest, so that new letters,
 * which come at the other end, move nothing. */
#ifndef PETIOLE_DEAD_LETTERS_H
#define PETIOLE_DEAD_LETTERS_H

#include "client.h"

#include <json-c/json.h>

#define DEAD_ID_BYTES 12

struct dead_letter {
    char id[DEAD_ID_BYTES + 1];
    long long index;   /* from the list's end: -1 is the oldest */
    long long bytes;   /* of its text */
    json_object *head; /* reason, queue, task, id, time; owned by the page */
};

enum dead_next {
    DEAD_STAYS, /* on to the next */
    DEAD_GONE,  /* it was removed: the next has its index now */
    DEAD_STOP,
    DEAD_FAILED, /* after an error was said */
};
typedef enum dead_next dead_letter_fn(struct client *c, const struct dead_letter *d,
                                      void *ctx);

/* f for each letter, oldest first. False after an error was said. */
bool dead_letters_each(struct client *c, dead_letter_fn *f, void *ctx);

/* The text of the head's field, "" if there is none. */
const char *dead_letter_text(const struct dead_letter *d, const char *field);
/* The whole letter; NULL if it is gone, or after an error was said. */
const redisReply *dead_letter_read(struct client *c, const struct dead_letter *d);

enum dead_outcome {
    DEAD_DONE,
    DEAD_MOVED,   /* another changed the list meanwhile */
    DEAD_NO_TEXT, /* it holds no message that could be replayed */
    DEAD_NO_QUEUE,
    DEAD_REFUSED, /* the server said why */
};
/* In one step: the message's original bytes to its queue's list (`to`: another queue's;
 * NULL: its own), then the letter is removed. */
enum dead_outcome dead_letter_replay(struct client *c, const struct dead_letter *d,
                                     const char *to, bool front);
enum dead_outcome dead_letter_drop(struct client *c, const struct dead_letter *d);

#endif
