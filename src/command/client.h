/* SPDX-License-Identifier: Apache-2.0 */
/* client - one connection of a command to the broker's Redis, asked and answered in
 * turn: the worker's own connection code, driven until the answer is there.
 *
 * The words that a command does not know are settings (-b, --config, -Q …), read as a
 * worker reads them. */
#ifndef PETIOLE_CLIENT_H
#define PETIOLE_CLIENT_H

#include "../config.h"
#include "../redis/redis.h"
#include "../redis/redis_keys.h"

struct client {
    const char *command; /* "petiole purge": stands before errors */
    struct config config;
    struct redis_keys keys;
    uv_loop_t loop;
    struct redis redis;
    redisReply *reply; /* of the last question */
    bool answered, lost;
    bool refused; /* a script was not loaded */
};

/* Reads the settings, and connects. Returns 0, or the exit code after saying why on
 * stderr. */
int client_open(struct client *c, const char *command, int argc, char **argv);
void client_close(struct client *c);
/* Its two halves. Once the first has returned 0, client_close ends it. */
int client_prepare(struct client *c, const char *command, int argc, char **argv);
int client_connect(struct client *c);
/* Its two halves, where the loop has other handles: those are closed in between. */
void client_stop(struct client *c);
void client_finish(struct client *c);

/* A question: begin, its arguments with redis_arg on &c->redis, then the answer, which
 * lives until the next question. NULL after saying why: refused, or the connection was
 * lost. */
void client_begin(struct client *c, unsigned nargs);
const redisReply *client_answer(struct client *c);
/* EVAL; keys and arguments follow. */
void client_begin_script(struct client *c, const char *lua, unsigned nkeys,
                         unsigned nargs);
/* Scripts that are used more often: loaded once, then begun by their SHA1. False after
 * saying why. */
bool client_load(struct client *c, struct redis_script *const *scripts, size_t n);
void client_begin_loaded(struct client *c, const struct redis_script *script,
                         unsigned nkeys, unsigned nargs);

#endif
