/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include <stdlib.h>

static void put(struct schedule *s, size_t slot, struct request *rq)
{
    s->heap[slot] = rq;
    rq->slot = slot;
}

static void rise(struct schedule *s, size_t slot, struct request *rq)
{
    while (slot > 0 && s->heap[(slot - 1) / 2]->due_us > rq->due_us) {
        put(s, slot, s->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    put(s, slot, rq);
}

static void sink(struct schedule *s, size_t slot, struct request *rq)
{
    for (;;) {
        size_t least = 2 * slot + 1;
        if (least + 1 < s->n && s->heap[least + 1]->due_us < s->heap[least]->due_us)
            least++;
        if (least >= s->n || s->heap[least]->due_us >= rq->due_us)
            break;
        put(s, slot, s->heap[least]);
        slot = least;
    }
    put(s, slot, rq);
}

bool schedule_add(struct schedule *s, struct request *rq)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        struct request **heap = realloc(s->heap, room * sizeof(struct request *));
        if (!heap)
            return false;
        s->heap = heap;
        s->room = room;
    }
    rise(s, s->n++, rq);
    return true;
}

void schedule_remove(struct schedule *s, struct request *rq)
{
    size_t slot = rq->slot;
    struct request *last = s->heap[--s->n];
    if (last == rq)
        return;
    if (slot > 0 && s->heap[(slot - 1) / 2]->due_us > last->due_us)
        rise(s, slot, last);
    else
        sink(s, slot, last);
}

struct request *schedule_next(const struct schedule *s)
{
    return s->n ? s->heap[0] : NULL;
}

void schedule_finish(struct schedule *s)
{
    free(s->heap);
    *s = (struct schedule){0};
}
