/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the settings: queues, URLs; and what must agree. */
#include "../pool/autoscale.h"
#include "annotations.h"
#include "endpoints.h"
#include "load.h"
#include "value.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Options that would change what is promised. */
static int check_transport(const struct config *c, struct error *e)
{
    if (!c->ack_emulation)
        return error_set(e, EINVAL,
                         "broker_transport_options.ack_emulation must be true: without "
                         "it a message is lost with the worker that took it");
    if (strcmp(c->body_encoding, "base64") != 0)
        return error_set(e, EINVAL,
                         "broker_transport_options.body_encoding must be base64, not "
                         "'%.30s': bodies of other encodings are read, but not written",
                         c->body_encoding);
    return 0;
}

static int check_unknown_tasks(const struct config *c, struct error *e)
{
    const char *u = c->unknown_tasks;
    if (strcmp(u, "requeue") == 0 || strcmp(u, "reject") == 0 ||
        (strncmp(u, "queue:", 6) == 0 && u[6] && strlen(u + 6) <= QUEUE_NAME_MAX))
        return 0;
    return error_set(e, EINVAL,
                     "setting 'unknown_tasks' must be requeue, reject or queue:NAME, "
                     "not '%.60s'",
                     u);
}

int config_derive(struct config *c, struct error *e)
{
    int r = config_derive_endpoints(c, e);
    if (r < 0)
        return r;
    if (c->soft_time_limit_s > 0 && c->time_limit_s > 0 &&
        c->soft_time_limit_s > c->time_limit_s)
        return error_set(e, EINVAL,
                         "soft_time_limit must be less than or equal to time_limit");
    if (c->hard_memory_per_child_kib == 0)
        c->hard_memory_per_child_kib = 2 * c->max_memory_per_child_kib;
    if (c->autoscale_text &&
        !autoscale_parse(c->autoscale_text, &c->autoscale_max, &c->autoscale_min))
        return error_set(e, EINVAL,
                         "option '--autoscale' must be MAX,MIN with at most 1024, for "
                         "example 10,3, not '%.40s'",
                         c->autoscale_text);
    if (c->concurrency == 0) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        c->concurrency = n > 0 ? n : 1;
    }
    r = config_derive_attributes(c, e);
    if (r < 0)
        return r;
    r = config_derive_process(c, e);
    if (r == 0)
        r = check_transport(c, e);
    if (r == 0)
        r = check_unknown_tasks(c, e);
    return r < 0 ? r : queue_table_read(&c->queues, c, e);
}

int config_check_worker(const struct config *c, struct error *e)
{
    if (c->plugins && c->plugins[0])
        return 0;
    return error_set(e, EINVAL,
                     "no plugin is given: name one with -A or the setting 'app', "
                     "for example -A demo");
}
