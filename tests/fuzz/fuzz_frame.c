/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: a stream of them, fed in two pieces; the first byte says where it is cut. */
#include "../../src/pool/frame.h"
#include "fuzz.h"

#define FRAME_MAX_BYTES ((size_t)1 << 16)

static void read_ready(struct rd body)
{
    struct frame_ready ready;
    struct frame_row row;

    if (!frame_get_ready(body, &ready))
        return;
    for (uint32_t i = 0; i < ready.nrows && frame_get_row(&ready.rows, &row);)
        i++;
}

static void read_documents(struct rd body)
{
    struct frame_documents documents;
    struct str document;

    if (!frame_get_documents(body, &documents))
        return;
    while (frame_next_document(&documents.items, &document))
        fuzz_check(document.n <= FRAME_MAX_BYTES, "a document beyond the maximum");
}

static void read_fields(const struct frame *f)
{
    union {
        struct frame_hello hello;
        struct frame_task task;
        struct str broken;
        struct frame_refused refused;
        struct frame_started started;
        struct frame_state state;
        struct frame_log log;
        struct frame_done done;
        struct frame_effect effect;
        struct frame_read read;
        struct frame_metric metric;
        struct frame_event event;
    } as;

    /* Each reader, whatever the type says: none may trust it. */
    frame_get_hello(f->body, &as.hello);
    frame_get_task(f->body, &as.task);
    read_ready(f->body);
    frame_get_broken(f->body, &as.broken);
    frame_get_refused(f->body, &as.refused);
    frame_get_started(f->body, &as.started);
    frame_get_state(f->body, &as.state);
    frame_get_log(f->body, &as.log);
    frame_get_done(f->body, &as.done);
    frame_get_effect(f->body, &as.effect);
    frame_get_read(f->body, &as.read);
    frame_get_metric(f->body, &as.metric);
    frame_get_event(f->body, &as.event);
    read_documents(f->body);
}

static bool take_all(struct frame_reader *r)
{
    struct frame f;
    int got;

    while ((got = frame_reader_next(r, &f)) == 1) {
        fuzz_check(f.body.left <= FRAME_MAX_BYTES, "a frame beyond the maximum");
        read_fields(&f);
    }
    return got == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_reader r;

    if (!size)
        return 0;
    struct str all = {(const char *)data + 1, size - 1};
    size_t cut = all.n * data[0] / 255;
    frame_reader_init(&r, FRAME_MAX_BYTES);
    if (frame_reader_feed(&r, (struct str){all.p, cut}) && take_all(&r) &&
        frame_reader_feed(&r, (struct str){all.p + cut, all.n - cut}))
        take_all(&r);
    frame_reader_finish(&r);
    return 0;
}
