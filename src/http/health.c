/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include "../worker.h"

bool health_is_live(const struct worker *w, struct wr *out)
{
    bool live = pool_is_well(w->pool, out);
    if (live)
        wr_text(out, "ok");
    wr_text(out, "\n");
    return live;
}

const char *health_status(const struct worker *w)
{
    if (worker_is_ready(w))
        return "takes tasks";
    if (w->state >= WORKER_STOPPING)
        return "stopping";
    if (!w->pool_ready)
        return "starting: no child has loaded its plugins yet";
    if (w->state == WORKER_STARTING)
        return "starting: not connected to the broker yet";
    if (!w->broker_up || w->announced_loss)
        return "not connected to the broker";
    if (pool_stats(w->pool).serving == 0)
        return "no child serves";
    return "not sure yet of what it holds at the broker";
}

bool health_is_ready(const struct worker *w, struct wr *out)
{
    bool ready = worker_is_ready(w);
    wr_text(out, ready ? "ok" : health_status(w));
    wr_text(out, "\n");
    return ready;
}
