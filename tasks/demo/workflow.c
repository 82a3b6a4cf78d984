/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that start workflows, and what they are made of. */
#include "demo.h"

static ptl_value *add(ptl_task *t, int64_t x)
{
    return ptl_sig(t, "demo.add", ptl_new_int(t, x), NULL);
}

/* add(x, 1), to whose result 2, then 3 is added. */
ptl_value *demo_chain(ptl_task *t)
{
    ptl_value *first =
        ptl_sig(t, "demo.add", ptl_arg_value(t, "x"), ptl_new_int(t, 1), NULL);

    return ptl_new_str(t, ptl_send_sig(t, ptl_chain(t, first, add(t, 2), add(t, 3),
                                                    NULL)));
}

/* demo.add(i, i) for each i below n. */
static ptl_value *doubles(ptl_task *t)
{
    int64_t n = ptl_arg_int(t, "n");
    ptl_value *list = ptl_new_list(t);

    for (int64_t i = 0; i < n && !ptl_failed(t); i++)
        ptl_list_add(t, list,
                     ptl_sig(t, "demo.add", ptl_new_int(t, i), ptl_new_int(t, i),
                             NULL));
    return ptl_group_of(t, list);
}

ptl_value *demo_group(ptl_task *t)
{
    return ptl_new_str(t, ptl_send_sig(t, doubles(t)));
}

/* The sum of those. */
ptl_value *demo_chord(ptl_task *t)
{
    ptl_value *sum = ptl_sig(t, "demo.xsum", NULL);

    return ptl_new_str(t, ptl_send_sig(t, ptl_chord(t, doubles(t), sum)));
}

/* Signatures come as arguments too. */
ptl_value *demo_apply(ptl_task *t)
{
    return ptl_new_str(t, ptl_send_sig(t, ptl_arg_map(t, "sig")));
}

ptl_value *demo_replace(ptl_task *t)
{
    return ptl_replace(t, ptl_arg_map(t, "sig"));
}

/* Becomes a part of the chord beside the one it is asked to add. */
ptl_value *demo_add_to_chord(ptl_task *t)
{
    return ptl_new_str(t, ptl_add_to_chord(t, ptl_arg_map(t, "sig")));
}

ptl_value *demo_xsum(ptl_task *t)
{
    const ptl_value *numbers = ptl_arg_list(t, "numbers");
    int64_t sum = 0;

    for (size_t i = 0; i < ptl_len(numbers); i++)
        if (ptl_kind_of(ptl_at(numbers, i)) != PTL_INT ||
            __builtin_add_overflow(sum, ptl_int(ptl_at(numbers, i)), &sum))
            return ptl_fail(t, "TypeError", "demo.xsum adds up integers of 64 bits");
    return ptl_new_int(t, sum);
}
