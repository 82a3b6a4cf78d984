/* SPDX-License-Identifier: Apache-2.0 */
/* build - signatures, groups and chords from their parts. */
#include "build.h"

ptl_value *canvas_signature(struct canvas *c, struct str task, const ptl_value *args,
                            const ptl_value *kwargs, const ptl_value *options,
                            bool immutable)
{
    ptl_value *own = canvas_copy_map(c, kwargs, 0), *sig;

    sig = own ? signature_make(c, task, SIGNATURE_TASK, args, own, options) : NULL;
    return sig && canvas_put(c, sig, STR("immutable"), value_bool(c->arena, immutable))
               ? sig
               : NULL;
}

ptl_value *canvas_group(struct canvas *c, ptl_value *tasks)
{
    ptl_value *kwargs = value_map(c->arena, 1);

    return canvas_put(c, kwargs, STR("tasks"), tasks)
               ? signature_make(c, STR("celery.group"), SIGNATURE_GROUP, NULL, kwargs,
                                NULL)
               : NULL;
}

ptl_value *canvas_chord(struct canvas *c, ptl_value *header, ptl_value *body)
{
    ptl_value *kwargs = value_map(c->arena, 3);

    return canvas_put(c, kwargs, STR("kwargs"), value_map(c->arena, 0)) &&
                   canvas_put(c, kwargs, STR("header"), header) &&
                   canvas_put(c, kwargs, STR("body"), body)
               ? signature_make(c, STR("celery.chord"), SIGNATURE_CHORD, NULL, kwargs,
                                NULL)
               : NULL;
}

bool canvas_set(struct canvas *c, ptl_value *sig, const ptl_value *options)
{
    for (size_t i = 0; i < value_len(options); i++)
        if (!signature_set_option(c, sig, options->u.map.pairs[i].key,
                                  options->u.map.pairs[i].value))
            return false;
    return true;
}
