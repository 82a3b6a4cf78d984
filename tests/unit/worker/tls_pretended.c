/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS module that encrypts nothing: both sides say "hello\n", and then bytes pass as
 * they are; "bye\n" ends. What is tested with it is the link around it. */
#include "../../../src/link/tls.h"

#include "../../../protocol/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "hello\n"
#define BYE "bye\n"

struct tls {
    struct wr in, out;
    size_t read, taken;
    bool greeted;
};

static struct tls *create(const struct tls_options *options, const char *host,
                          struct error *e)
{
    struct tls *t = calloc(1, sizeof(*t));
    (void)options, (void)host, (void)e;
    if (!t)
        abort();
    wr_init(&t->in, 1 << 20);
    wr_init(&t->out, 1 << 20);
    return t;
}

static void destroy(struct tls *t)
{
    wr_finish(&t->in);
    wr_finish(&t->out);
    free(t);
}

static bool feed(struct tls *t, const char *bytes, size_t n)
{
    wr_put(&t->in, (struct str){bytes, n});
    return !t->in.bad;
}

static bool next_is(const struct tls *t, const char *word)
{
    size_t n = strlen(word);
    return t->in.len - t->read >= n && memcmp(t->in.p + t->read, word, n) == 0;
}

static enum tls_status advance(struct tls *t, struct error *e)
{
    if (!t->greeted)
        wr_put(&t->out, STR(HELLO));
    t->greeted = true;
    if (next_is(t, HELLO)) {
        t->read += strlen(HELLO);
        return TLS_OPEN;
    }
    if (t->in.len == t->read)
        return TLS_HANDSHAKING;
    error_set(e, EPROTO, "TLS: no hello");
    return TLS_FAILED;
}

static enum tls_status read_some(struct tls *t, char *out, size_t size, size_t *n,
                                 struct error *e)
{
    (void)e;
    *n = 0;
    if (next_is(t, BYE))
        return TLS_CLOSED;
    *n = t->in.len - t->read < size ? t->in.len - t->read : size;
    if (*n > 0)
        memcpy(out, t->in.p + t->read, *n);
    t->read += *n;
    return TLS_OPEN;
}

static enum tls_status write_all(struct tls *t, const char *bytes, size_t n,
                                 struct error *e)
{
    (void)e;
    wr_put(&t->out, (struct str){bytes, n});
    return TLS_OPEN;
}

static size_t take(struct tls *t, char *out, size_t size)
{
    size_t n = t->out.len - t->taken < size ? t->out.len - t->taken : size;
    if (n > 0)
        memcpy(out, t->out.p + t->taken, n);
    t->taken += n;
    return n;
}

__attribute__((visibility("default"))) extern const struct tls_ops petiole_tls_v1;
const struct tls_ops petiole_tls_v1 = {
    .abi = TLS_ABI,
    .library = "pretended",
    .create = create,
    .destroy = destroy,
    .feed = feed,
    .advance = advance,
    .read = read_some,
    .write = write_all,
    .take = take,
};
