/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome_read.h"

/* Arguments are a list, or the one that there is. */
static const ptl_value *arguments(struct arena *a, const ptl_value *message)
{
    ptl_value *list;

    if (value_kind(message) == PTL_LIST)
        return message;
    list = value_list(a, 1);
    if (!value_is_null(message))
        value_list_add(a, list, message);
    return list;
}

static struct result_error read_error(struct arena *a, const ptl_value *result)
{
    struct result_error e = {
        .type = value_as_str(value_get(result, "exc_type")),
        .module = value_as_str(value_get(result, "exc_module")),
        .args = arguments(a, value_get(result, "exc_message")),
    };

    if (!e.type.n)
        e = (struct result_error){STR("Exception"), STR("builtins"),
                                  arguments(a, result)};
    if (!e.module.n)
        e.module = STR("celery.exceptions"); /* where Python then makes the class */
    return e;
}

struct outcome outcome_of(struct arena *a, struct str state, const ptl_value *result)
{
    struct outcome o = {.state = state, .value = result};

    o.has_error = str_is(state, "FAILURE") || str_is(state, "REVOKED");
    if (o.has_error)
        o.error = read_error(a, result);
    return o;
}

struct outcome outcome_read(struct arena *a, const ptl_value *document)
{
    struct outcome o = outcome_of(a, value_as_str(value_get(document, "status")),
                                  value_get(document, "result"));

    o.traceback = value_as_str(value_get(document, "traceback"));
    return o;
}
