# SPDX-License-Identifier: Apache-2.0
"""Chains that run to their end."""

import datetime

from celery import chain

from workflow_shapes import SOON, s, shape, si


@shape
def a_chain():
    return chain(s("add", 1, 2), s("add", 3), s("add", 4))


@shape
def a_chain_of_one():
    return chain(s("add", 1, 2))


@shape
def a_chain_with_partial_arguments():
    return chain(s("add", 2), s("add", 3), s("add", 4)).apply_async(args=(1,))


@shape
def a_chain_with_immutable_members():
    return chain(s("add", 1, 2), si("add", 3, 4), s("add", 5))


@shape
def a_chain_in_a_chain():
    return chain(s("add", 1, 2), chain(s("add", 3), chain(s("add", 4), s("add", 5))), s("add", 6))


@shape
def a_long_chain():
    return chain(s("add", 1, 2), *(s("add", n) for n in range(30)))


@shape
def a_chain_with_links():
    return chain(s("add", 1, 2, link=[s("add", 100)]), s("add", 3, link=[s("add", 200), s("echo")]),
                 s("add", 4, link=[s("echo")]))


@shape
def a_chain_with_options():
    return chain(s("add", 1, 2), s("add", 3, priority=3), s("add", 4, headers={"trace": "abc"}),
                 s("add", 5, shadow="five"))


@shape
def a_chain_with_a_priority_for_all():
    return chain(s("add", 1, 2), s("add", 3), s("add", 4)).apply_async(priority=6)


@shape
def a_chain_that_goes_elsewhere():
    return chain(s("add", 1, 2), s("add", 3, queue="elsewhere"), s("add", 4))


@shape
def a_chain_with_stamps():
    made = chain(s("add", 1, 2), s("add", 3), s("add", 4))
    made.stamp(who="me", tags=["a", "b"])
    return made


@shape
def a_chain_that_retries():
    return chain(s("add", 1, 2), si("retry", 2, SOON), s("add", 10))


@shape
def a_chain_that_ignores():
    return chain(s("add", 1, 2), si("ignore"), s("add", 4))


@shape
def a_chain_whose_results_are_ignored():
    return chain(s("add", 1, 2), s("add", 3), s("add", 4)).apply_async(ignore_result=True)


@shape
def a_chain_with_one_ignored_result():
    return chain(s("add", 1, 2), s("add", 3, ignore_result=True), s("add", 4))


@shape
def a_chain_of_late_tasks():
    return chain(s("late_add", 1, 2), s("late_add", 3), s("late_add", 4, link=[s("late_add", 5)]))


@shape
def a_chain_with_large_results():
    return chain(s("echo", "x" * 60_000), s("echo"), s("echo"))


@shape(improves="writes_typed_values_as_they_came")
def a_chain_with_typed_arguments():
    return chain(s("echo", {"when": datetime.datetime(2026, 1, 2, 3, 4, 5), "raw": b"\xff"}), s("echo"))
