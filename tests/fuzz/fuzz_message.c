/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: a line of headers, and behind it the body as it is before base64. */
#include "../../protocol/json.h"
#include "../../protocol/message.h"
#include "../../protocol/result.h"
#include "fuzz.h"

#define MEMORY_MAX ((size_t)1 << 24)
#define BODY_MAX ((size_t)1 << 20)

static void write_result(struct wr *w, const struct message *m,
                         const struct message_body *b)
{
    struct result_error error = {.module = STR("m"), .args = b->args};
    struct result_extended x = {.name = m->name,
                                .args = b->args,
                                .kwargs = b->kwargs,
                                .headers = m->headers};
    struct result r = {.status = "FAILURE",
                       .error = &error,
                       .task_id = m->id,
                       .group_id = m->group,
                       .parent_id = m->parent_id,
                       .extended = &x};

    result_exception_name(m->task, STR("m"), &error.type, &error.module);
    result_write(w, &r);
}

/* Headers that were completed once lack nothing any more. */
static void complete(struct arena *a, const struct envelope *e,
                     const struct message_body *b)
{
    const ptl_value *headers, *again;
    struct envelope completed = *e;

    if (!message_complete_headers(a, e, b, &headers) || !headers)
        return;
    completed.headers = headers;
    fuzz_check(!message_complete_headers(a, &completed, b, &again) || !again,
               "headers that are never whole");
}

static void run(struct arena *a, const struct envelope *e)
{
    static const char *const accept[] = {"json", NULL};
    static const struct content_rules rules = {accept, BODY_MAX, NULL};
    struct message m;
    struct message_body b;
    const char *why = "";
    struct wr w;

    enum message_fault fault = message_read(a, e, &m, &why);
    if (fault == MESSAGE_OK || fault == MESSAGE_NOT_A_TASK)
        fault = message_read_body(a, e, &m, &rules, &b, &why);
    fuzz_check(fault == MESSAGE_OK || *why, "a fault without a reason");
    fuzz_check(!strpbrk(why, "\n\r\033"), "a reason that does not fit a line");
    if (fault != MESSAGE_OK)
        return;
    message_has_workflow(&b);
    complete(a, e, &b);
    wr_init(&w, MEMORY_MAX);
    write_result(&w, &m, &b);
    if (!w.bad) {
        struct str status = result_read_status(a, wr_str(&w));
        fuzz_check(a->failed || str_is(status, "FAILURE"), "a result without status");
    }
    wr_finish(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ptl_value none = {.kind = PTL_MAP};
    const char *text = (const char *)data;
    const char *line_end = size ? memchr(text, '\n', size) : NULL;
    size_t headers_n = line_end ? (size_t)(line_end - text) : size;
    struct envelope e = {.content_type = STR("application/json"), .properties = &none};
    struct arena a;

    arena_init(&a, MEMORY_MAX);
    e.headers = json_read(&a, (struct str){text, headers_n}, 0, NULL, NULL);
    e.body = line_end ? (struct str){line_end + 1, size - headers_n - 1} : STR("");
    if (value_kind(e.headers) == PTL_MAP)
        run(&a, &e);
    arena_finish(&a);
    return 0;
}
