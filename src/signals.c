/* SPDX-License-Identifier: Apache-2.0 */
/* What each signal does, as to a Celery worker. */
#include "command/command.h"
#include "life.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_term(struct worker *w)
{
    const char *remapped = getenv("REMAP_SIGTERM");
    if (remapped && strcmp(remapped, "SIGQUIT") == 0)
        life_stop_cold(w);
    else
        life_stop_warm(w);
}

static void on_interrupt(struct worker *w)
{
    w->exit_code = EXIT_FAILED; /* Celery's, for any stop by INT */
    if (w->interrupted) {
        life_stop_cold(w);
        return;
    }
    w->interrupted = true;
    log_print(STR("\nworker: Hitting Ctrl+C again will initiate cold shutdown, "
                  "terminating all running tasks!\n"));
    life_stop_warm(w);
}

/* On a terminal HUP means that its window was closed, and no worker shall go on in the
 * background for it: as Celery, it has no handler there. */
static void on_hangup(struct worker *w)
{
    life_restart(w);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct worker *w = handle->data;
    switch (signum) {
    case SIGTERM:
        on_term(w);
        return;
    case SIGINT:
        on_interrupt(w);
        return;
    case SIGQUIT:
        life_stop_cold(w);
        return;
    case SIGHUP:
        on_hangup(w);
        return;
    case SIGUSR1:
        dump_print(w);
        return;
    default:
        log_line(LOG_WARNING, "SIGUSR2: there is no debugger here; USR1 shows what "
                              "the worker is at");
    }
}

void signals_watch(struct worker *w)
{
    static const int signums[WORKER_SIGNALS] = {SIGTERM, SIGINT,  SIGQUIT,
                                                SIGHUP,  SIGUSR1, SIGUSR2};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log that may grow no more ends no worker */
    for (size_t i = 0; i < WORKER_SIGNALS; i++) {
        if (signums[i] == SIGHUP && isatty(STDOUT_FILENO))
            continue;
        uv_signal_init(&w->loop, &w->signals[i]);
        w->signals[i].data = w;
        uv_signal_start(&w->signals[i], on_signal, signums[i]);
    }
}
