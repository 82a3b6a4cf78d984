/* SPDX-License-Identifier: Apache-2.0 */
/* strip - a chord that waits carries its body once.
 *
 * Freezing put the body on every task of its header as well; when the chord runs, they
 * get it again. Until then it would multiply with every chord in a chord. */
#include "steps.h"

static bool clear(struct canvas *c, ptl_value *sig);

/* Where the body hangs in it: on all members, on the last task, on the body. */
static bool clear_below(struct canvas *c, ptl_value *sig)
{
    size_t n = signature_task_count(sig);

    switch (signature_type(sig)) {
    case SIGNATURE_GROUP:
        for (size_t i = 0; i < n; i++)
            if (!clear(c, signature_task_at(sig, i)))
                return false;
        return true;
    case SIGNATURE_CHAIN:
        return !n || clear(c, signature_task_at(sig, n - 1));
    case SIGNATURE_CHORD:
        return !signature_body(sig) || clear(c, signature_body(sig));
    default:
        return true;
    }
}

static bool clear(struct canvas *c, ptl_value *sig)
{
    bool ok;

    if (!signature_drop_option(c, sig, "chord") || !canvas_enter(c))
        return false;
    ok = clear_below(c, sig);
    canvas_leave(c);
    return ok;
}

static bool strip_all(struct canvas *c, const ptl_value *sig)
{
    for (size_t i = 0; i < signature_task_count(sig); i++)
        if (!strip_header_links(c, signature_task_at(sig, i)))
            return false;
    return true;
}

static bool strip(struct canvas *c, ptl_value *sig)
{
    ptl_value *header = (ptl_value *)value_get(signature_kwargs(sig), "header");

    if (signature_type(sig) == SIGNATURE_CHAIN ||
        signature_type(sig) == SIGNATURE_GROUP)
        return strip_all(c, sig);
    if (signature_type(sig) != SIGNATURE_CHORD)
        return true;
    if (value_kind(header) == PTL_MAP && !clear(c, header))
        return false;
    return strip_all(c, sig) &&
           (!signature_body(sig) || strip_header_links(c, signature_body(sig)));
}

bool strip_header_links(struct canvas *c, ptl_value *sig)
{
    bool ok;

    if (!canvas_enter(c))
        return false;
    ok = strip(c, sig);
    canvas_leave(c);
    return ok;
}
