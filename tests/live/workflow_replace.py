# SPDX-License-Identifier: Apache-2.0
"""Tasks that start workflows, put one in their own place, or add to their chord."""

from celery import chain, chord, group
from workflow_shapes import SOON, fails, s, shape, si


def adds():
    return [s("add", 10), s("add", 20)]


def starts():
    return [s("add", 1, 1), s("add", 2, 2)]


@shape
def a_task_that_sends_a_task():
    return si("apply", s("add", 1, 2, link=[s("add", 10)], priority=3))


@shape
def a_task_that_sends_a_chain():
    return si("apply", chain(s("add", 1, 2), s("add", 3), s("add", 4)))


@shape
def a_task_that_sends_a_group():
    return si("apply", group(starts()))


@shape
def a_task_that_sends_a_chord():
    return si("apply", chord(starts(), s("xsum", link=[s("echo")])))


@shape
def a_task_that_sends_a_chord_of_nested_groups():
    return si("apply", chord([group(starts()), s("add", 3, 3)], s("echo")))


@shape
def a_task_that_sends_a_chain_of_groups():
    return si("apply", s("add", 1, 2) | group(adds()) | s("xsum") | group(adds()))


@shape
def a_task_that_builds_a_chain():
    return si("chain", 5)


@shape
def a_task_that_builds_a_group():
    return si("group", 3)


@shape
def a_task_that_builds_a_chord():
    return si("chord", 4)


@shape
def a_replacement():
    return si("replace", s("add", 1, 2))


@shape
def a_late_replacement():
    return si("late_replace", s("late_add", 1, 2))


@shape
def a_replacement_of_a_replacement():
    return si("replace", si("replace", si("replace", s("add", 1, 2))))


@shape
def a_replacement_by_a_chain():
    return si("replace", chain(s("add", 1, 2), s("add", 3)))


@shape
def a_replacement_by_a_group():
    return si("replace", group(starts()))


@shape
def a_replacement_by_a_group_of_one():
    return si("replace", group([s("add", 1, 1)]))


@shape
def a_replacement_by_a_chord():
    return si("replace", chord(starts(), s("xsum")))


@shape
def a_replacement_with_links():
    return si("replace", s("add", 1, 2, link=[s("add", 5)]), link=[s("add", 10), s("echo")],
              link_error=[s("echo")])


@shape
def a_replacement_that_fails():
    return si("replace", fails(link_error=[si("echo", "its own")]), link=[s("add", 10)], link_error=[s("echo")])


@shape
def a_replacement_by_a_failing_chain():
    return si("replace", chain(s("add", 1, 2), fails(), s("add", 3)), link_error=[s("echo")])


@shape
def a_replacement_by_a_failing_group():
    return si("replace", group(s("add", 1, 2), fails()), link_error=[s("echo")])


@shape
def a_replacement_by_a_failing_chord():
    return si("replace", chord([s("add", 1, 2), fails()], s("xsum")), link_error=[s("echo")])


@shape
def a_replacement_with_stamps():
    made = si("replace", s("add", 1, 2, stamped_headers=["whose"], whose="its"))
    made.stamp(who="me")
    return made


@shape(improves="knows_the_unknown")
def a_replacement_by_an_unknown_task():
    return si("replace", s("there.is_none", 1))


@shape
def a_replacement_by_an_empty_chain():
    return si("replace", {"task": "celery.chain", "args": [], "kwargs": {"tasks": []}, "options": {},
                          "subtask_type": "chain", "immutable": False})


def in_a_chain(sig):
    return chain(s("add", 1, 2), si("replace", sig), s("echo"), s("echo"))


@shape
def a_replacement_in_a_chain():
    return in_a_chain(s("add", 5, 6))


@shape
def a_replacement_by_a_chain_in_a_chain():
    return in_a_chain(chain(s("add", 5, 6), s("add", 7)))


@shape
def a_replacement_by_a_group_in_a_chain():
    return in_a_chain(group(starts()))


@shape
def a_replacement_by_a_chord_in_a_chain():
    return in_a_chain(chord(starts(), s("xsum")))


@shape
def a_replacement_that_fails_in_a_chain():
    return in_a_chain(fails())


@shape
def a_replacement_at_the_end_of_a_chain():
    return chain(s("add", 1, 2), si("replace", chain(s("add", 5, 6), s("add", 7))))


@shape
def a_replacement_by_a_group_at_the_end_of_a_chain():
    return chain(s("add", 1, 2), si("replace", group(starts())))


@shape
def a_replacement_at_the_start_of_a_chain():
    return chain(si("replace", s("add", 5, 6)), s("add", 7), s("add", 8))


def in_a_chord(sig):
    return chord([s("add", 1, 2), si("replace", sig), s("add", 3, 4)], s("echo"))


@shape
def a_replacement_in_a_chord():
    return in_a_chord(s("add", 5, 6))


@shape
def a_replacement_by_a_chain_in_a_chord():
    return in_a_chord(chain(s("add", 5, 6), s("add", 7)))


@shape
def a_replacement_by_a_group_in_a_chord():
    return in_a_chord(group(starts()))


@shape
def a_replacement_by_a_chord_in_a_chord():
    return in_a_chord(chord(starts(), s("xsum")))


@shape
def a_replacement_that_fails_in_a_chord():
    return in_a_chord(fails())


@shape
def a_replacement_that_retries_in_a_chord():
    return in_a_chord(si("retry", 1, SOON))


@shape
def a_replacement_in_a_chain_in_a_chord():
    return chord([s("add", 1, 2) | si("replace", chain(s("add", 5, 6), s("add", 7))) | s("add", 8),
                  s("add", 3, 4)], s("echo"))


@shape
def a_body_that_is_replaced():
    return chord(starts(), si("replace", chain(s("add", 5, 6), s("add", 7))))


@shape
def a_body_that_is_replaced_by_a_chord():
    return chord(starts(), si("replace", chord(starts(), s("xsum"))))


@shape
def a_task_added_to_its_chord():
    return chord([s("add", 1, 2), si("add_to_chord", s("add", 5, 6))], s("echo"))


@shape
def a_task_added_to_a_chord_of_one():
    return chord([si("add_to_chord", s("add", 5, 6))], s("echo"))


@shape
def a_failing_task_added_to_its_chord():
    return chord([s("add", 1, 2), si("add_to_chord", fails())], s("echo"))


@shape
def a_chain_added_to_its_chord():
    return chord([s("add", 1, 2), si("add_to_chord", chain(s("add", 5, 6), s("add", 7)))], s("echo"))


@shape
def a_task_added_without_a_chord():
    return si("add_to_chord", s("add", 5, 6), link_error=[s("echo")])
