/* SPDX-License-Identifier: Apache-2.0 */
/* errbacks - who is told when a signature's result will never come. */
#include "steps.h"

static bool add_all(struct canvas *c, ptl_value *list, const ptl_value *sig)
{
    const ptl_value *errbacks = signature_option(sig, "link_error");

    for (size_t i = 0; i < canvas_list_len(errbacks); i++)
        if (!canvas_add(c, list, canvas_list_at(errbacks, i)))
            return false;
    return true;
}

static bool collect(struct canvas *c, const ptl_value *sig, ptl_value *list,
                    const ptl_value **id)
{
    const ptl_value *ignored;
    bool ok;

    if (!canvas_enter(c))
        return false;
    ok = add_all(c, list, sig);
    *id = signature_option(sig, "task_id");
    if (ok && signature_type(sig) == SIGNATURE_CHORD && signature_body(sig))
        ok = collect(c, signature_body(sig), list, id);
    else if (signature_type(sig) == SIGNATURE_GROUP)
        for (size_t i = 0; ok && i < signature_task_count(sig); i++)
            ok = collect(c, signature_task_at(sig, i), list, &ignored);
    canvas_leave(c);
    return ok;
}

const ptl_value *canvas_errbacks(struct canvas *c, const ptl_value *sig, struct str *id)
{
    ptl_value *list = value_list(c->arena, 0), *own = signature_read(c, sig);
    const ptl_value *found = NULL;

    *id = (struct str){NULL, 0};
    if (!list)
        canvas_fault_memory(c);
    if (!own || !list || !collect(c, own, list, &found))
        return NULL;
    *id = value_as_str(found);
    return list;
}
