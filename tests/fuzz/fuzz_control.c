/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the remote control, to a worker without broker or children: those that
 * only look, and those that are none. */
#include "../../src/control/control.h"

#include "../../protocol/json.h"
#include "fuzz.h"

#include <fcntl.h>

#define MEMORY_MAX ((size_t)1 << 24)

static struct worker worker;
static struct config config = {.message_max_bytes = 1 << 20};
static struct bus bus;

static void check_reply(struct bus *b, const struct bus_reply *r)
{
    struct arena a;
    struct json_error e;
    (void)b;
    arena_init(&a, MEMORY_MAX);
    const ptl_value *reply = json_read(&a, r->body, 0, &json_default_limits, &e);
    fuzz_check(reply || e.out_of_memory, "a reply that is no JSON");
    fuzz_check(!reply || value_find(reply, str_of(config.hostname)),
               "a reply without its node");
    fuzz_check(r->body.n <= CONTROL_REPLY_MAX, "a reply beyond its limit");
    arena_finish(&a);
}

static const struct bus_ops bus_ops = {.reply = check_reply};
static const struct pool_events pool_events = {0};

static void start(void)
{
    config.hostname = (char *)(uintptr_t) "w1@h1";
    bus.ops = &bus_ops;
    worker.config = &config;
    worker.bus = &bus;
    for (unsigned i = 0; i < RQ_STATES; i++)
        list_init(&worker.requests[i]);
    uv_loop_init(&worker.loop);
    log_configure(&(struct log_options){.format = LOG_FORMAT,
                                        .task_format = LOG_TASK_FORMAT,
                                        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC)});
    log_init(&worker.loop, LOG_DEBUG); /* that lines are written is tried, too */
    arena_init(&worker.scratch, MEMORY_MAX);
    events_init(&worker.events, &worker);
    revoke_init(&worker.revoke);
    worker.pool = pool_create(&worker.loop, &config, 0, STR(""), &pool_events, &worker);
}

/* Others would need all of a worker. */
static bool only_looks(const struct control_command *c)
{
    static const struct control_command *const lists[] = {
        control_inspect_commands, control_stats_commands, control_memory_commands,
        control_conf_commands,    control_tasks_commands,
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct control_command *row = lists[i]; row->name; row++)
            if (row == c)
                return true;
    return !c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ptl_value none = {.kind = PTL_MAP};
    struct arena a;
    struct json_error e;
    struct str text = {(const char *)data, size};
    if (!worker.config)
        start();
    arena_init(&a, MEMORY_MAX);
    const ptl_value *body =
        json_read(&a, text, JSON_COPY_STRINGS, &json_default_limits, &e);
    struct str method = value_as_str(value_get(body, "method"));
    if (value_kind(body) == PTL_MAP && only_looks(control_find(method)))
        control_heard(&worker, &(struct bus_message){.arena = &a,
                                                     .headers = &none,
                                                     .body = body});
    arena_finish(&a);
    return 0;
}
