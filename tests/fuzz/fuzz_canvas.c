/* SPDX-License-Identifier: Apache-2.0 */
/* Workflows: each line is an object whose "sig" is applied with "args" and "options",
 * composed with itself, and put in the place of a task with the "request". */
#include "../../protocol/canvas/build.h"
#include "../../protocol/json.h"
#include "fuzz.h"

#include <string.h>

#define MEMORY_MAX ((size_t)1 << 24)
#define SIGNATURES_MAX 5000u

struct calls {
    unsigned ids, made;
};

static void new_id(void *ctx, char id[UUID_TEXT])
{
    struct calls *calls = ctx;

    snprintf(id, UUID_TEXT, "made-%u", calls->ids++);
}

static bool call(void *ctx, const struct canvas_call *k)
{
    struct calls *calls = ctx;

    calls->made++;
    fuzz_check(k->task.n > 0, "a call of no task");
    fuzz_check(value_kind(k->args) == PTL_LIST, "args that are no list");
    fuzz_check(value_kind(k->kwargs) == PTL_MAP, "kwargs that are no map");
    fuzz_check(value_as_str(value_get(k->options, "task_id")).n > 0,
               "a call without id");
    return true;
}

static bool chord_size(void *ctx, struct str group_id, int64_t size)
{
    (void)ctx;
    fuzz_check(group_id.n > 0 && size >= 0, "a chord that nobody can join");
    return true;
}

static bool save_group(void *ctx, struct str group_id, const ptl_value *document)
{
    (void)ctx;
    fuzz_check(group_id.n > 0 && value_get(document, "result"),
               "a group without results");
    return true;
}

static struct canvas canvas_in(struct arena *a, struct calls *calls)
{
    static const struct canvas_hooks hooks = {new_id, call, chord_size, save_group};

    arena_reset(a);
    *calls = (struct calls){0};
    return (struct canvas){.arena = a,
                           .hooks = &hooks,
                           .ctx = calls,
                           .reply_to = STR("me"),
                           .signatures_left = SIGNATURES_MAX};
}

static void check(const struct canvas *c, const struct calls *calls, const void *made)
{
    fuzz_check(!made == !!c->fault_kind, "neither a result nor a fault, or both");
    fuzz_check(!c->fault_kind || c->fault.n, "a fault without a reason");
    fuzz_check(!c->fault_kind || !strpbrk(c->fault.p, "\n\r\033"),
               "a reason that does not fit a line");
    fuzz_check(calls->made <= SIGNATURES_MAX, "more calls than signatures");
}

/* ---- What is done with a line ---------------------------------------------------- */

typedef const void *act(struct canvas *c, const ptl_value *line);

static const void *apply(struct canvas *c, const ptl_value *line)
{
    const ptl_value *args = value_get(line, "args"),
                    *options = value_get(line, "options");

    return canvas_apply(c, value_get(line, "sig"),
                        value_kind(args) == PTL_LIST ? args : NULL,
                        value_kind(options) == PTL_MAP ? options : NULL);
}

static const void *join(struct canvas *c, const ptl_value *line)
{
    ptl_value *left = signature_read(c, value_get(line, "sig"));
    ptl_value *right = left ? signature_read(c, value_get(line, "sig")) : NULL;
    ptl_value *both = right ? canvas_or(c, left, right) : NULL;

    return both ? canvas_apply(c, both, NULL, NULL) : NULL;
}

static const void *fold(struct canvas *c, const ptl_value *line)
{
    ptl_value *tasks = value_list(c->arena, 3), *chain;

    for (int i = 0; i < 3 && !c->fault_kind; i++)
        canvas_add(c, tasks, signature_read(c, value_get(line, "sig")));
    chain = c->fault_kind ? NULL : canvas_chain(c, tasks);
    return chain ? canvas_apply(c, chain, NULL, NULL) : NULL;
}

static const void *stamp(struct canvas *c, const ptl_value *line)
{
    ptl_value *sig = signature_read(c, value_get(line, "sig"));
    const ptl_value *stamps = value_get(line, "options");

    if (value_kind(stamps) != PTL_MAP)
        stamps = value_map(c->arena, 0);
    return sig && canvas_stamp(c, sig, stamps) ? sig : NULL;
}

static struct canvas_request request_of(struct canvas *c, const ptl_value *line)
{
    const ptl_value *q = value_get(line, "request");

    return (struct canvas_request){.id = value_text(c->arena, "the-id"),
                                   .root_id = value_get(q, "root_id"),
                                   .group = value_get(q, "group"),
                                   .group_index = value_get(q, "group_index"),
                                   .chord = value_get(q, "chord"),
                                   .chain = value_get(q, "chain"),
                                   .callbacks = value_get(q, "callbacks"),
                                   .errbacks = value_get(q, "errbacks"),
                                   .replaced_task_nesting = value_as_int(
                                       value_get(q, "replaced_task_nesting"), 0)};
}

static const void *replace(struct canvas *c, const ptl_value *line)
{
    struct canvas_request request = request_of(c, line);
    ptl_value *sig = signature_read(c, value_get(line, "sig"));

    sig = sig ? canvas_replacement(c, sig, &request) : NULL;
    return sig ? canvas_apply(c, sig, NULL, NULL) : NULL;
}

static const void *add_to_chord(struct canvas *c, const ptl_value *line)
{
    struct canvas_request request = request_of(c, line);
    ptl_value *sig = signature_read(c, value_get(line, "sig"));

    sig = sig ? canvas_chord_member(c, sig, &request) : NULL;
    return sig ? canvas_apply(c, sig, NULL, NULL) : NULL;
}

static const void *find_errbacks(struct canvas *c, const ptl_value *line)
{
    struct str id;

    return canvas_errbacks(c, value_get(line, "sig"), &id);
}

static void run(struct arena *a, const ptl_value *line)
{
    static act *const acts[] = {apply,   join,         fold,         stamp,
                                replace, add_to_chord, find_errbacks};

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        struct calls calls;
        struct canvas c = canvas_in(a, &calls);
        check(&c, &calls, acts[i](&c, line));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct arena a, lines;

    arena_init(&a, MEMORY_MAX);
    arena_init(&lines, MEMORY_MAX);
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size;
        const ptl_value *line =
            json_read(&lines, (struct str){text, n}, JSON_COPY_STRINGS, NULL, NULL);

        if (value_kind(line) == PTL_MAP)
            run(&a, line);
        arena_reset(&lines);
        n += end ? 1 : 0;
        text += n;
        size -= n;
    }
    arena_finish(&lines);
    arena_finish(&a);
    return 0;
}
