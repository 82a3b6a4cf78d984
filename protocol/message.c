/* SPDX-License-Identifier: Apache-2.0 */
/* message - the headers of a task message. */
#include "message.h"
#include "pyrepr.h"
#include "timestamp.h"

#include <math.h>

#define SHOWN_MAX_CHARS 100 /* of a bad header, in `why` */

static enum message_fault bad_field(struct arena *a, const char **why, const char *name,
                                    const char *what, const ptl_value *v)
{
    struct wr w;

    wr_init(&w, 4096);
    wr_printf(&w, "header '%s' is not %s: ", name, what);
    pyrepr_cut(&w, v, SHOWN_MAX_CHARS);
    struct str text = w.bad ? (struct str){NULL, 0} : arena_copy(a, wr_str(&w));
    wr_finish(&w);
    *why = text.p ? text.p : "out of memory";
    return text.p ? MESSAGE_BAD_FIELD : MESSAGE_OUT_OF_MEMORY;
}

static enum message_fault read_names(struct arena *a, struct message *m,
                                     const char **why)
{
    const ptl_value *task = value_get(m->headers, "task");

    if (!task) {
        *why = "no header 'task'";
        return MESSAGE_NOT_A_TASK;
    }
    m->task = value_as_str(task);
    if (!m->task.p)
        return bad_field(a, why, "task", "a string", task);
    m->id = value_as_str(value_get(m->headers, "id"));
    if (!m->id.p) {
        *why = "no header 'id', or it is not a string";
        return MESSAGE_NO_ID;
    }
    return MESSAGE_OK;
}

/* False if the header is there and is no time. */
static bool read_time(const ptl_value *v, bool *has, int64_t *us)
{
    struct str text = value_as_str(v);

    if (!value_truth(v)) /* Python takes an empty string for none, too */
        return true;
    *has = text.p && timestamp_parse(text, us);
    return *has;
}

static bool read_limit(const ptl_value *v, bool *has, double *seconds)
{
    double s = 0;

    if (value_kind(v) == PTL_INT)
        s = (double)v->u.i;
    else if (value_kind(v) == PTL_FLOAT)
        s = v->u.d;
    else if (!value_is_null(v))
        return false;
    if (!isfinite(s) || s < 0)
        return false;
    *has = s > 0; /* to Python, 0 is as good as none */
    *seconds = s;
    return true;
}

static bool read_limits(struct message *m, const ptl_value *v)
{
    if (!value_truth(v))
        return true;
    return value_kind(v) == PTL_LIST && value_len(v) == 2 &&
           read_limit(value_at(v, 0), &m->has_hard_limit, &m->hard_limit_s) &&
           read_limit(value_at(v, 1), &m->has_soft_limit, &m->soft_limit_s);
}

static bool read_retries(struct message *m, const ptl_value *v)
{
    m->retries = value_as_int(v, 0);
    return value_is_null(v) ||
           (value_kind(v) == PTL_INT && m->retries >= 0 && m->retries < INT32_MAX);
}

static enum message_fault read_checked(struct arena *a, struct message *m,
                                       const char **why)
{
    const ptl_value *eta = value_get(m->headers, "eta");
    const ptl_value *expires = value_get(m->headers, "expires");
    const ptl_value *limits = value_get(m->headers, "timelimit");
    const ptl_value *retries = value_get(m->headers, "retries");

    if (!read_time(eta, &m->has_eta, &m->eta_us))
        return bad_field(a, why, "eta", "an ISO 8601 time", eta);
    if (!read_time(expires, &m->has_expires, &m->expires_us))
        return bad_field(a, why, "expires", "an ISO 8601 time", expires);
    if (!read_limits(m, limits))
        return bad_field(a, why, "timelimit", "[hard, soft] in seconds", limits);
    if (!read_retries(m, retries))
        return bad_field(a, why, "retries", "a count", retries);
    return MESSAGE_OK;
}

/* Headers that may be anything: what is not of the right type counts as absent. */
static void read_lenient(struct message *m)
{
    const ptl_value *h = m->headers;
    const ptl_value *ignore = value_get(h, "ignore_result");

    m->root_id = value_as_str(value_get(h, "root_id"));
    m->parent_id = value_as_str(value_get(h, "parent_id"));
    m->group = value_as_str(value_get(h, "group"));
    m->shadow = value_as_str(value_get(h, "shadow"));
    m->origin = value_as_str(value_get(h, "origin"));
    m->argsrepr = value_as_str(value_get(h, "argsrepr"));
    m->kwargsrepr = value_as_str(value_get(h, "kwargsrepr"));
    m->group_index = value_as_int(value_get(h, "group_index"), -1);
    m->has_ignore_result = !value_is_null(ignore);
    m->ignore_result = value_truth(ignore);
    m->name = m->shadow.n ? m->shadow : m->task;
}

enum message_fault message_read(struct arena *a, const struct envelope *e,
                                struct message *m, const char **why)
{
    const ptl_value *encoding = value_get(e->properties, "body_encoding");
    *m = (struct message){
        .headers = e->headers,
        .compression = value_as_str(value_get(e->headers, "compression")),
    };
    enum message_fault fault = read_names(a, m, why);

    if (fault == MESSAGE_OK && !value_is_null(encoding) && !e->body_base64) {
        *why = "property 'body_encoding' is not 'base64', the only one there is";
        return MESSAGE_BAD_FIELD;
    }

    if (fault == MESSAGE_OK)
        fault = read_checked(a, m, why);
    if (fault == MESSAGE_OK)
        read_lenient(m);
    if (!a->failed)
        return fault;
    *why = "larger than a message may be";
    return MESSAGE_OUT_OF_MEMORY;
}
