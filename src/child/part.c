/* SPDX-License-Identifier: Apache-2.0 */
#include "part.h"

#include "../../protocol/json.h"
#include "document.h"

#include <math.h>

static void write_part(struct wr *json, const struct part *p)
{
    wr_put(json, STR("[1, "));
    json_write_str(json, p->id);
    wr_put(json, STR(", "));
    json_write_str(json, str_of(p->state));
    wr_put(json, STR(", "));
    if (p->error)
        result_write_error(json, p->error);
    else
        json_write(json, p->result);
    wr_put(json, STR("]"));
}

static bool put(struct ptl_task *t, const struct part *p, struct wr *json, struct wr *w)
{
    struct frame_effect e = {
        .kind = EFFECT_CHORD_PART,
        .id = p->id,
        .group = p->group,
        .index = p->group_index < 0 ? INFINITY : (double)p->group_index,
    };

    write_part(json, p);
    if (!json->bad)
        document_store(w, t->node, wr_str(json));
    if (json->bad || w->bad)
        return task_fail(
            t, "kombu.exceptions.EncodeError",
            "the result cannot be written for its chord: it is larger than "
            "message_max_bytes, or not for result_serializer");
    e.text = wr_str(w);
    task_effect(t, &e, NULL);
    return true;
}

bool part_return(struct ptl_task *t, const struct part *p)
{
    struct wr json, w;

    if (!p->id.n || !p->group.n)
        return true;
    wr_init(&json, t->node->message_max_bytes);
    wr_init(&w, t->node->message_max_bytes);
    bool ok = put(t, p, &json, &w);
    wr_finish(&json);
    wr_finish(&w);
    return ok;
}

bool part_return_own(struct ptl_task *t, const char *state, const ptl_value *result,
                     const struct result_error *error)
{
    return part_return(t, &(struct part){.id = t->message.id,
                                         .group = t->message.group,
                                         .group_index = t->message.group_index,
                                         .state = state,
                                         .result = result,
                                         .error = error});
}

bool part_return_other(struct ptl_task *t, const ptl_value *sig, const char *state,
                       const struct result_error *error)
{
    const ptl_value *options = value_get(sig, "options");

    return part_return(
        t, &(struct part){.id = value_as_str(value_get(options, "task_id")),
                          .group = value_as_str(value_get(options, "group_id")),
                          .group_index =
                              value_as_int(value_get(options, "group_index"), -1),
                          .state = state,
                          .error = error});
}
