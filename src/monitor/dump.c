/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "../../protocol/timestamp.h"
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 4096
#define KEYS_MAX 64
#define TIME_MAX_S 253402300799.0 /* the end of the year 9999 */

/* ---- names of tasks
 * ------------------------------------------------------------------ */

static struct dump_name *name_at(struct dump *d, struct str uuid)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < uuid.n; i++)
        h = (h ^ (unsigned char)uuid.p[i]) * 0x100000001b3u;
    return &d->names[(h ^ h >> 32) % (DUMP_NAMES + 1)];
}

static void forget(struct dump_name *n)
{
    free((char *)(uintptr_t)n->uuid.p);
    *n = (struct dump_name){0};
}

static void remember(struct dump *d, struct str uuid, struct str text)
{
    struct dump_name *n = name_at(d, uuid);
    size_t cut = text.n < NAME_MAX_BYTES ? text.n : NAME_MAX_BYTES;
    char *p = malloc(uuid.n + cut + 1);
    forget(n);
    if (!p)
        return;
    char *at = p;
    n->uuid = str_copy_to(&at, uuid);
    n->text = str_copy_to(&at, (struct str){text.p, cut});
}

void dump_finish(struct dump *d)
{
    for (size_t i = 0; i <= DUMP_NAMES; i++)
        forget(&d->names[i]);
}

/* ---- values
 * -------------------------------------------------------------------------- */

/* str() of it. */
static void put_value(struct wr *w, const ptl_value *v)
{
    struct wr text;
    if (value_kind(v) == PTL_STR) {
        text_put(w, v->u.s);
        return;
    }
    wr_init(&text, DUMP_LINE_MAX);
    if (v)
        pyrepr(&text, v);
    text_put(w, v && !text.bad ? wr_str(&text) : STR("None"));
    wr_finish(&text);
}

/* str() of datetime.fromtimestamp(t, timezone.utc). */
static void put_time(struct wr *w, const ptl_value *v)
{
    char text[TIMESTAMP_TEXT];
    double t = value_kind(v) == PTL_FLOAT ? v->u.d : (double)value_as_int(v, -1);
    if (!(t >= 0 && t <= TIME_MAX_S)) {
        put_value(w, v);
        return;
    }
    timestamp_format(text, llrint(t * 1e6));
    text[10] = ' ';
    wr_text(w, text);
}

static void put_type(struct wr *w, struct str type)
{
    static const char *const names[][2] = {{"worker-offline", "shutdown"},
                                           {"worker-online", "started"},
                                           {"worker-heartbeat", "heartbeat"}};
    char lower[64];
    size_t n = type.n < sizeof(lower) ? type.n : sizeof(lower);
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)tolower((unsigned char)type.p[i]);
    for (size_t i = 0; i < 3; i++)
        if (str_eq(str_of(names[i][0]), (struct str){lower, n})) {
            wr_text(w, names[i][1]);
            return;
        }
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(lower[i] == '-' ? ' ' : lower[i]);
    text_put(w, (struct str){lower, n});
}

/* ---- fields
 * -------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    struct str x = (*(const struct value_pair *const *)a)->key;
    struct str y = (*(const struct value_pair *const *)b)->key;
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : (x.n > y.n) - (x.n < y.n);
}

static bool is_taken(struct str key, const char *const *taken)
{
    for (; *taken; taken++)
        if (str_is(key, *taken))
            return true;
    return false;
}

/* "key=value, …" in the order of the keys, without those taken. */
static void put_fields(struct wr *w, const ptl_value *event, const char *const *taken,
                       const struct value_pair *received)
{
    const struct value_pair *sorted[KEYS_MAX];
    size_t n = 0;
    sorted[n++] = received;
    for (size_t i = 0; i < event->u.map.n && n < KEYS_MAX; i++)
        if (!is_taken(event->u.map.pairs[i].key, taken) &&
            !str_eq(event->u.map.pairs[i].key, received->key))
            sorted[n++] = &event->u.map.pairs[i];
    qsort(sorted, n, sizeof(sorted[0]), by_key);
    for (size_t i = 0; i < n; i++) {
        wr_text(w, i ? ", " : "");
        text_put(w, sorted[i]->key);
        wr_text(w, "=");
        put_value(w, sorted[i]->value);
    }
}

/* "name(uuid) args=… kwargs=…" */
static void put_task(struct dump *d, const ptl_value *event, struct str uuid,
                     bool names, struct wr *w)
{
    size_t begun = w->len;
    const struct dump_name *known = name_at(d, uuid);
    if (!names) {
        if (known->uuid.p && str_eq(known->uuid, uuid))
            wr_put(w, known->text);
        return;
    }
    put_value(w, value_get(event, "name"));
    wr_text(w, "(");
    text_put(w, uuid);
    wr_text(w, ") args=");
    put_value(w, value_get(event, "args"));
    wr_text(w, " kwargs=");
    put_value(w, value_get(event, "kwargs"));
    if (!w->bad && uuid.n <= NAME_MAX_BYTES)
        remember(d, uuid, (struct str){w->p + begun, w->len - begun});
}

/* ---- events
 * -------------------------------------------------------------------------- */

void dump_event(struct dump *d, const ptl_value *event, double received_s, struct wr *w)
{
    static const char *const of_all[] = {"timestamp", "type", "hostname", NULL};
    static const char *const of_task[] = {"timestamp", "type", "hostname", "uuid",
                                          NULL};
    static const char *const of_named[] = {"timestamp", "type", "hostname", "uuid",
                                           "name",      "args", "kwargs",   NULL};
    struct str type = value_as_str(value_get(event, "type"));
    const ptl_value received = {.kind = PTL_FLOAT, .u.d = received_s};
    const struct value_pair pair = {STR("local_received"), &received};
    bool is_task = type.n > 5 && memcmp(type.p, "task-", 5) == 0;
    bool names = str_is(type, "task-received") || str_is(type, "task-sent");

    put_value(w, value_get(event, "hostname"));
    wr_text(w, " [");
    put_time(w, value_get(event, "timestamp"));
    wr_text(w, "] ");
    put_type(w, type);
    wr_text(w, ": ");
    if (is_task) {
        put_task(d, event, value_as_str(value_get(event, "uuid")), names, w);
        wr_text(w, " ");
    }
    put_fields(w, event, names ? of_named : is_task ? of_task : of_all, &pair);
    wr_text(w, "\n");
}

void dump_json(const ptl_value *event, struct wr *w)
{
    json_write(w, event);
    wr_text(w, "\n");
}
