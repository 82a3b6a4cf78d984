/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES (64u << 10)
/* The parent bounds its messages; this only keeps a stray byte from asking for more. */
#define MAX_FRAME_BYTES ((size_t)1 << 30)

void wire_init(struct wire *w, int fd)
{
    *w = (struct wire){.fd = fd};
    frame_reader_init(&w->in, MAX_FRAME_BYTES);
    frame_reader_init(&w->late, MAX_FRAME_BYTES);
    wr_init(&w->kept, SIZE_MAX / 2);
    wr_init(&w->out, SIZE_MAX / 2);
}

void wire_finish(struct wire *w)
{
    frame_reader_finish(&w->in);
    frame_reader_finish(&w->late);
    wr_finish(&w->kept);
    wr_finish(&w->out);
}

/* ---- Out ------------------------------------------------------------------------ */

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return true;
}

/* A handler may have closed the socket. */
void wire_flush(struct wire *w)
{
    if (w->out.bad || !write_all(w->fd, wr_str(&w->out)))
        _exit(EXIT_FAILURE);
    if (w->out.cap > READ_BYTES)
        wr_finish(&w->out);
    wr_reset(&w->out);
}

/* ---- In ------------------------------------------------------------------------- */

static enum wire_heard listen_for(int fd, struct frame_reader *r)
{
    static char bytes[READ_BYTES];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) < 0 && errno == EINTR)
        continue;
    if (n <= 0)
        return n == 0 ? WIRE_END : WIRE_BROKEN;
    return frame_reader_feed(r, (struct str){bytes, (size_t)n}) ? WIRE_HEARD
                                                                : WIRE_NONSENSE;
}

enum wire_heard wire_listen(struct wire *w)
{
    return listen_for(w->fd, &w->in);
}

/* ---- While a task waits --------------------------------------------------------- */

/* What was read behind the task's frame comes before what is read from here on. */
static bool begin_late(struct wire *w)
{
    struct frame_reader *in = &w->in;
    struct str rest = {in->in.p + in->taken, in->in.len - in->taken};

    w->is_late = true;
    in->in.len = in->taken;
    return !rest.n || frame_reader_feed(&w->late, rest);
}

static void keep(struct wire *w, const struct frame *f)
{
    wr_u32(&w->kept, (uint32_t)(f->body.left + 1));
    wr_u8(&w->kept, (uint8_t)f->type);
    wr_put(&w->kept, (struct str){f->body.p, f->body.left});
}

/* False once nothing can come any more. */
static bool next_late(struct wire *w, struct frame *f)
{
    int rc;

    while ((rc = frame_reader_next(&w->late, f)) == 0)
        if (listen_for(w->fd, &w->late) != WIRE_HEARD)
            return false;
    return rc > 0;
}

void wire_wait_documents(struct wire *w, uint64_t job, struct frame_documents *d)
{
    struct frame f;

    if (!w->is_late && !begin_late(w))
        _exit(EXIT_FAILURE);
    while (next_late(w, &f) && !w->kept.bad) {
        if (f.type != FRAME_DOCUMENTS)
            keep(w, &f);
        else if (frame_get_documents(f.body, d) && d->job == job)
            return;
    }
    _exit(EXIT_FAILURE);
}

bool wire_catch_up(struct wire *w)
{
    struct frame_reader *late = &w->late;
    struct str rest = {late->in.p + late->taken, late->in.len - late->taken};
    bool ok = true;

    if (!w->is_late)
        return true;
    if (w->kept.len)
        ok = frame_reader_feed(&w->in, wr_str(&w->kept));
    if (rest.n)
        ok = ok && frame_reader_feed(&w->in, rest);
    wr_finish(&w->kept);
    frame_reader_finish(late);
    frame_reader_init(late, MAX_FRAME_BYTES);
    w->is_late = false;
    return ok;
}
