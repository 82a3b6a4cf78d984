/* SPDX-License-Identifier: Apache-2.0 */
/* real_redis - a real Redis of the test's own, on a unix socket in a new folder. */
#ifndef TEST_REAL_REDIS_H
#define TEST_REAL_REDIS_H

#include "../../../src/link/url.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct real_redis {
    pid_t pid;
    char folder[32], socket[64];
    struct url url;
    redisContext *client; /* the test's own connection */
};

/* False where no redis-server is installed. */
bool real_redis_start(struct real_redis *s);
void real_redis_stop(struct real_redis *s);

/* Each asks and fails the test on an error; the answer lives until the next call. */
const redisReply *real_redis_ask(struct real_redis *s, const char *format, ...);
long long real_redis_int(struct real_redis *s, const char *format, ...);
const char *real_redis_text(struct real_redis *s, const char *format, ...);
/* The items of a list, from its left, parted by one space. */
const char *real_redis_list(struct real_redis *s, const char *key);

#endif
