# SPDX-License-Identifier: Apache-2.0
"""Chords whose body runs."""

from celery import chord, group

from workflow_shapes import SOON, s, shape, si


@shape
def a_chord():
    return chord([s("add", n, n) for n in range(5)], s("echo"))


@shape
def a_chord_of_one():
    return chord([s("add", 1, 2)], s("echo"))


@shape
def a_chord_of_none():
    return chord([], s("echo"))


@shape
def a_group_and_a_task():
    return group(s("add", n, n) for n in range(3)) | s("echo")


@shape
def a_group_of_one_and_a_task():
    return group([s("add", 1, 2)]) | s("echo")


@shape
def a_group_a_task_and_more():
    return group(s("add", 1, 1), s("add", 2, 2)) | s("echo") | s("echo") | s("echo")


@shape
def a_task_a_group_and_a_task():
    return s("add", 1, 2) | group(s("add", 10), s("add", 20)) | s("echo")


@shape
def a_task_two_groups_and_a_task():
    return (s("add", 1, 2) | group(s("add", 10), s("add", 20)) | s("echo") |
            group(s("echo"), s("echo")) | s("echo"))


@shape
def two_groups():
    return group(s("add", 1, 1), s("add", 2, 2)) | group(s("echo"), s("echo"))


@shape(only="new")
def three_groups_and_a_task():
    return (group(s("add", 1, 1), s("add", 2, 2)) | group(s("echo"), s("echo")) |
            group(s("echo"), s("echo")) | s("echo"))


@shape
def a_chord_with_an_immutable_body():
    return chord([s("add", 1, 1), s("add", 2, 2)], si("add", 3, 4))


@shape
def a_chord_with_a_body_of_more_arguments():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("send", ["more"], queue="elsewhere"))


@shape
def a_chord_of_chains():
    return chord([s("add", 1, 1) | s("add", 10), s("add", 2, 2) | s("add", 20) | s("add", 200), s("add", 3, 3)],
                 s("echo"))


@shape
def a_chord_in_a_chord():
    inner = chord([s("add", 1, 1), s("add", 2, 2)], s("echo"))
    return chord([inner, s("add", 3, 3)], s("echo"))


@shape
def a_chord_in_a_chord_in_a_chord():
    inner = chord([s("add", 1, 1), s("add", 2, 2)], s("echo"))
    middle = chord([inner, s("add", 3, 3)], s("echo"))
    return chord([s("add", 4, 4), middle], s("echo"))


@shape
def a_chord_with_a_group_in_its_header():
    return chord([s("add", 1, 1), group(s("add", 2, 2), s("add", 3, 3)), s("add", 4, 4)], s("echo"))


@shape
def a_chord_with_groups_of_groups_in_its_header():
    return chord([group(s("add", 2, 2), group(s("add", 3, 3), s("add", 5, 5))), group([s("add", 4, 4)])], s("echo"))


@shape(only="new")
def a_chord_of_chains_that_end_in_groups():
    return chord([s("add", 1, 1) | group(s("add", 10), s("add", 20)),
                  s("add", 2, 2) | group(s("add", 30), s("add", 40))], s("echo"))


@shape
def a_chord_of_groups_that_become_chords():
    return chord([group(s("add", 1, 1), s("add", 2, 2)) | s("echo"), s("add", 3, 3)], s("echo"))


@shape
def a_chord_whose_body_is_a_chain():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo") | s("echo") | s("echo"))


@shape
def a_chord_whose_body_is_a_group():
    return chord([s("add", 1, 1), s("add", 2, 2)], group(s("echo"), s("echo")))


@shape
def a_chord_whose_body_is_a_chord():
    return chord([s("add", 1, 1), s("add", 2, 2)], chord([s("echo"), s("echo")], s("echo")))


@shape
def a_chord_whose_body_is_a_chain_with_a_group():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo") | group(s("echo"), s("echo")) | s("echo"))


@shape
def a_chord_with_links():
    made = chord([s("add", 1, 1, link=[s("add", 50)]), s("add", 2, 2)], s("echo", link=[s("echo")]))
    made.link(si("add", 100, 1))
    return made


@shape
def a_chord_with_partial_arguments():
    return chord([s("add", 1), s("add", 2)], s("echo")).apply_async(args=(10,))


@shape
def a_chord_that_retries():
    return chord([s("add", 1, 1), si("retry", 2, SOON), si("retry", 1, SOON)], s("echo"))


@shape
def a_chord_whose_parts_ignore_their_results():
    return chord([s("add", 1, 1, ignore_result=True), s("add", 2, 2, ignore_result=True)], s("echo"))


@shape
def a_chord_of_late_tasks():
    return chord([s("late_add", 1, 1), s("late_add", 2, 2) | s("late_add", 3)], s("echo"))


@shape
def a_chord_with_options():
    return chord([s("add", 1, 1, priority=3), s("add", 2, 2, headers={"part": 2})],
                 s("echo", priority=9, headers={"body": True}, shadow="the-body"))


@shape
def a_chord_with_a_priority_for_all():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo")).apply_async(priority=6)


@shape
def a_chord_whose_body_goes_elsewhere():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo", queue="elsewhere"))


@shape
def a_chord_with_stamps():
    made = chord([s("add", 1, 1), s("add", 2, 2) | s("add", 3)], s("echo"))
    made.stamp(who="me", tags=["a", "b"])
    return made


@shape
def a_chord_with_large_results():
    return chord([s("echo", "x" * 40_000), s("echo", ["y" * 1000] * 20), s("echo", "z")], s("echo"))


@shape
def a_chord_of_forty():
    return chord([s("add", n, n) for n in range(40)], s("echo"))
