/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"

#include "command.h"

#include <stdio.h>

/* ---- life --------------------------------------------------------------------- */

static void on_up(void *ctx)
{
    struct results *r = ctx;
    r->up = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct results *r = ctx;
    (void)retry_s, (void)attempts;
    if (!r->up && !r->lost)
        fprintf(stderr, "%s: cannot reach %s: %s\n", r->client->command,
                r->client->config.backend.masked, why);
    r->lost = !r->up; /* later it is tried again */
}

int results_open(struct results *r, struct client *client)
{
    static const struct backend_events events = {on_up, on_down};
    struct error e;
    *r = (struct results){.client = client};
    if (!client->config.has_backend)
        return command_complain(EXIT_USAGE, client->command,
                                "there is no result backend: give --result-backend");
    r->backend = redis_backend_create(&client->loop, &client->config, &events, r, &e);
    if (!r->backend)
        return command_complain(EXIT_FAILED, client->command, "%s", e.msg);
    r->backend->ops->start(r->backend);
    while (!r->up && !r->lost)
        uv_run(&client->loop, UV_RUN_ONCE);
    return r->up ? 0 : EXIT_FAILED;
}

static void on_stopped(void *ctx)
{
    ((struct results *)ctx)->answered = true;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void results_close(struct results *r)
{
    if (!r->backend)
        return;
    r->answered = false;
    r->backend->ops->stop(r->backend, on_stopped, r);
    while (!r->answered)
        uv_run(&r->client->loop, UV_RUN_ONCE);
    client_stop(r->client);
    uv_walk(&r->client->loop, close_handle, NULL);
    uv_run(&r->client->loop, UV_RUN_DEFAULT);
    r->backend->ops->destroy(r->backend);
    r->backend = NULL;
}

/* ---- questions ---------------------------------------------------------------- */

static void answer(struct results *r, const char *why)
{
    snprintf(r->text, sizeof(r->text), "%s", why ? why : "");
    r->why = why ? r->text : NULL;
    r->answered = true;
}

static void on_done(void *ctx, enum backend_verdict verdict, const char *why)
{
    answer(ctx, verdict == BACKEND_STORED ? NULL : why ? why : "refused");
}

static bool wait(struct results *r, const char *what)
{
    while (!r->answered)
        uv_run(&r->client->loop, UV_RUN_ONCE);
    if (r->why)
        fprintf(stderr, "%s: cannot %s: %s\n", r->client->command, what, r->why);
    return !r->why;
}

bool results_chord_size(struct results *r, struct str group, int64_t size)
{
    r->answered = false;
    r->backend->ops->chord_size(r->backend, group, size, false, on_done, r);
    return wait(r, "store the size of a chord");
}

bool results_save_group(struct results *r, struct str group, struct str document)
{
    r->answered = false;
    r->backend->ops->save_group(r->backend, group, document, on_done, r);
    return wait(r, "store what a group consists of");
}

static void on_read(void *ctx, const struct str *documents, size_t n, bool last,
                    const char *why)
{
    struct results *r = ctx;
    for (size_t i = 0; !why && i < n; i++)
        r->documents[r->ndocuments++] =
            documents[i].p ? arena_copy(r->arena, documents[i]) : documents[i];
    if (last || why)
        answer(r, why);
}

bool results_read(struct results *r, const struct str *ids, size_t n, struct arena *a,
                  struct str *documents)
{
    r->answered = false;
    r->arena = a;
    r->documents = documents;
    r->ndocuments = 0;
    r->backend->ops->read(r->backend, READ_RESULTS, ids, n, on_read, r);
    return wait(r, "read results");
}
