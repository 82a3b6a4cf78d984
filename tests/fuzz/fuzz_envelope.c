/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: what is read can be restored and retried, and reads again. */
#include "../../protocol/message.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 24)

static void restore(struct arena *a, struct str text, struct wr *w)
{
    struct envelope e;
    const char *why = NULL;

    if (!envelope_mark_redelivered(a, text, w))
        return;
    bool read = envelope_read(a, wr_str(w), &e, &why);
    fuzz_check(read || a->failed, "a restored envelope is none");
    fuzz_check(!read || e.redelivered, "a restored envelope is not marked");
}

static void retry(struct arena *a, const struct envelope *e, const struct message *m,
                  struct wr *w)
{
    struct message_retry r = {.eta_us = 1,
                              .delivery_tag = "tag",
                              .origin = "me",
                              .now_us = 1};
    struct envelope again;
    struct message twice;
    const char *why = NULL;

    wr_reset(w);
    message_write_retry(w, a, e, m, &r);
    if (w->bad || !envelope_read(a, wr_str(w), &again, &why)) {
        fuzz_check(w->bad || a->failed, "a retry is no envelope");
        return;
    }
    enum message_fault fault = message_read(a, &again, &twice, &why);
    fuzz_check(fault == MESSAGE_OUT_OF_MEMORY || m->retries == INT32_MAX - 1 ||
                   (fault == MESSAGE_OK && twice.retries == m->retries + 1),
               "a retry is no message");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct envelope e;
    struct message m;
    struct arena a;
    struct wr w;
    const char *why = NULL;

    arena_init(&a, MEMORY_MAX);
    wr_init(&w, MEMORY_MAX);
    if (envelope_read(&a, text, &e, &why)) {
        envelope_body(&a, &e);
        restore(&a, text, &w);
        if (message_read(&a, &e, &m, &why) == MESSAGE_OK)
            retry(&a, &e, &m, &w);
    }
    fuzz_check(!why || (*why && strlen(why) < 4096), "no reason, or too much of one");
    wr_finish(&w);
    arena_finish(&a);
    return 0;
}
