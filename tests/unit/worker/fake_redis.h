/* SPDX-License-Identifier: Apache-2.0 */
/* fake_redis - a Redis on a unix socket that says what a test's script tells it to.
 *
 * It lives on the loop of what is tested, so that nothing races. Without a script it is
 * healthy and empty; a rule changes one answer. */
#ifndef TEST_FAKE_REDIS_H
#define TEST_FAKE_REDIS_H

#include "../../../protocol/buf.h"
#include "../../../src/link/url.h"
#include "../../../src/list.h"

#include <uv.h>

/* What the broker's scripts are called here: the order in which they are loaded. */
#define FETCH "EVALSHA 0x"
#define MOVE "EVALSHA 1x"
#define BURY "EVALSHA 2x"
#define RENEW "EVALSHA 3x"
#define ABSENT "EVALSHA 4x"
#define UNBOX "EVALSHA 5x"
#define OVERDUE "EVALSHA 6x"

enum fake_then {
    FAKE_GO_ON,
    FAKE_HANG_UP,
};

struct fake_rule {
    const char *command; /* how it begins, its words parted by one space; "": on being
                            connected to, before anything was asked */
    const char *reply;   /* RESP bytes; NULL: silence */
    enum fake_then then;
    unsigned times; /* how often; 0: always. Then the rules behind it are asked */
};

struct fake_redis {
    uv_loop_t *loop;
    uv_pipe_t listener;
    char folder[32], path[64];
    struct url url;
    const struct fake_rule *rules; /* ends with an empty one */
    unsigned used[16];
    size_t tear_bytes; /* answers leave in pieces of so many bytes; 0: whole */
    unsigned connections;
    struct list clients;
    struct wr heard; /* every command, a line each, cut at 400 bytes */
};

void fake_redis_start(struct fake_redis *f, uv_loop_t *loop,
                      const struct fake_rule *rules);
/* Other answers from here on. */
void fake_redis_script(struct fake_redis *f, const struct fake_rule *rules);
/* How many commands began so. */
unsigned fake_redis_heard(const struct fake_redis *f, const char *command);
/* The newest one that began so; empty if there is none. */
struct str fake_redis_newest(const struct fake_redis *f, const char *command);
/* Cuts every connection there is. */
void fake_redis_hang_up(struct fake_redis *f);
/* Closes its handles; fake_redis_finish after loop_finish frees the rest. */
void fake_redis_stop(struct fake_redis *f);
void fake_redis_finish(struct fake_redis *f);

#endif
