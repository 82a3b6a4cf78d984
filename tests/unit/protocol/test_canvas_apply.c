/* SPDX-License-Identifier: Apache-2.0 */
/* Applying: what Celery's canvas publishes, counts and saves for some hundred
 * signatures off the wire, see tests/golden/canvas. */
#include "cmocka_all.h"
#include "replay.h"

static bool applies(struct replay *r)
{
    const ptl_value *trail =
        canvas_apply(&r->canvas, value_get(r->line, "sig"), value_get(r->line, "args"),
                     value_get(r->line, "options"));

    assert_true(!trail == !!r->canvas.fault_kind);
    return replay_check(r, trail);
}

static void signatures_are_applied_as_celery_applies_them(void **state)
{
    (void)state;
    replay_each("canvas/apply.jsonl", applies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_applied_as_celery_applies_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
