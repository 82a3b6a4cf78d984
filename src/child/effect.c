/* SPDX-License-Identifier: Apache-2.0 */
/* effect - what a task does beside its result, and the ids of what it makes. */
#include "../../protocol/sha256.h"
#include "task.h"

#include <stdlib.h>
#include <sys/random.h>

/* Whole, or not at all; that it is not stays to be seen in `bad`. */
static void keep(struct followups *f, const struct frame_effect *e)
{
    size_t before = f->frames.len;

    frame_put_effect(&f->frames, e);
    if (f->frames.bad)
        f->frames.len = before;
    else
        f->n++;
}

void task_effect(struct ptl_task *t, struct frame_effect *e,
                 const struct message_send *m)
{
    e->job = t->job;
    if (t->followups)
        keep(t->followups, e);
    else
        t->sink->effect(t, e, m);
}

void task_random_id(char id[UUID_TEXT])
{
    uint8_t random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    uuid_format(id, random);
}

/* A message that is delivered again, its outcome being known, must not call a second
 * task where the first is on its way already. */
static void derive_id(struct ptl_task *t, char id[UUID_TEXT])
{
    uint8_t digest[SHA256_BYTES];
    struct wr seed;

    wr_init(&seed, SIZE_MAX / 2);
    wr_put(&seed, t->message.id);
    wr_u8(&seed, 0);
    wr_text(&seed, t->followups->scope);
    wr_u8(&seed, 0);
    wr_u64(&seed, t->followups->made++);
    if (seed.bad)
        task_fail_memory(t);
    sha256(digest, wr_str(&seed));
    wr_finish(&seed);
    uuid_format(id, digest);
}

void task_new_id(struct ptl_task *t, char id[UUID_TEXT])
{
    if (t->followups)
        derive_id(t, id);
    else
        task_random_id(id);
}
