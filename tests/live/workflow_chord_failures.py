# SPDX-License-Identifier: Apache-2.0
"""Chords of which some part, or the body, fails."""

from celery import chain, chord, group

from workflow_shapes import DOOMED, PAST, doomed, expired, fails, no_more_retries, s, shape, si


@shape
def a_chord_whose_first_part_fails():
    return chord([fails(), s("add", 2, 2), s("add", 3, 3)], s("echo"))


@shape
def a_chord_whose_middle_part_fails():
    return chord([s("add", 1, 1), fails(), s("add", 3, 3)], s("echo"))


@shape
def a_chord_whose_last_part_fails():
    return chord([s("add", 1, 1), s("add", 2, 2), fails()], s("echo"))


@shape
def a_chord_whose_body_fails():
    return chord([s("add", 1, 1), s("add", 2, 2)], fails(link_error=[s("echo")]))


@shape
def a_failing_chord_with_an_errback():
    made = chord([s("add", 1, 1), fails()], s("echo"))
    made.link_error(s("echo"))
    return made


@shape(only="new")
def a_failing_chord_with_errbacks_everywhere():
    return chord([s("add", 1, 1), fails(link_error=[si("echo", "part")])],
                 s("echo", link_error=[s("echo"), si("echo", "body")]), link_error=[si("echo", "chord")])


@shape
def a_failing_chord_whose_body_is_a_chain():
    return chord([s("add", 1, 1), fails()], s("echo", link_error=[si("echo", "first")]) | s("echo"))


@shape
def a_failing_chord_whose_body_is_a_group():
    return chord([s("add", 1, 1), fails()], group(s("echo", link_error=[s("echo")]), s("echo")))


@shape(improves="ends")
def a_failing_chord_whose_body_is_a_chord():
    return chord([s("add", 1, 1), fails()], chord([s("echo"), s("echo")], s("echo")))


@shape(improves="ends")
def a_failing_chord_in_a_chord():
    return chord([chord([s("add", 1, 1), fails()], s("echo")), s("add", 3, 3)], s("echo"))


@shape
def a_failing_chord_in_a_chain():
    return chain(s("add", 1, 2), group(s("add", 1), fails()), s("echo"), s("echo"))


@shape
def a_chord_of_chains_of_which_one_fails_at_its_start():
    return chord([fails() | s("add", 10) | s("add", 11), s("add", 2, 2)], s("echo"))


@shape
def a_chord_of_chains_of_which_one_fails_at_its_end():
    return chord([s("add", 1, 1) | s("add", 10) | fails(), s("add", 2, 2)], s("echo"))


@shape
def a_chord_with_a_failing_group_in_its_header():
    return chord([s("add", 1, 1), group(s("add", 2, 2), fails())], s("echo"))


@shape(improves="knows_the_unknown")
def a_chord_with_an_unknown_body():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("there.is_none"))


@shape(improves=("knows_the_unknown", "ends"))
def a_chord_with_an_unknown_part():
    return chord([s("add", 1, 1), s("there.is_none")], s("echo"))


@shape
def a_chord_whose_retries_run_out():
    return chord([s("add", 1, 1), no_more_retries()], s("echo"))


@shape
def a_chord_of_quiet_tasks():
    return chord([s("add", 1, 1), si("quiet", "ValueError", "q")], s("echo"))


@shape
def a_chord_with_a_revoked_part():
    return chord([s("add", 1, 1), doomed(2, 2), s("add", 3, 3)], s("echo"))


@shape
def a_chord_with_an_expired_part():
    return chord([expired(1, 1), s("add", 2, 2)], s("echo"))


@shape
def a_chord_whose_body_is_revoked():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo", task_id=DOOMED))


@shape
def a_chord_whose_body_has_expired():
    return chord([s("add", 1, 1), s("add", 2, 2)], s("echo", expires=PAST))


@shape(improves="ends")
def a_chord_of_chains_of_which_one_is_revoked():
    return chord([s("add", 1, 1) | doomed(10) | s("add", 11), s("add", 2, 2)], s("echo"))


def chord_in_chain_in_group(*members):
    """Stamped; `members` stand for the parts, the body, the rest of the chain."""
    first, second, body, last = members
    made = group(chain(s("add", 1, 2), group(first, second), body, last), s("add", 7, 7))
    made.stamp(who="me")
    made.link_error(si("echo", "told"))
    return made


@shape
def a_chord_in_a_chain_in_a_group():
    return chord_in_chain_in_group(s("add", 10), s("add", 20), s("echo"), s("echo"))


@shape
def the_same_whose_first_part_fails():
    return chord_in_chain_in_group(fails(), s("add", 20), s("echo"), s("echo"))


@shape
def the_same_whose_second_part_fails():
    return chord_in_chain_in_group(s("add", 10), fails(), s("echo"), s("echo"))


@shape
def the_same_whose_body_fails():
    return chord_in_chain_in_group(s("add", 10), s("add", 20), fails(), s("echo"))


@shape
def the_same_whose_last_fails():
    return chord_in_chain_in_group(s("add", 10), s("add", 20), s("echo"), fails())


@shape(improves="ends")
def a_failing_chord_before_a_chord_in_a_chord():
    inner = chain(group(s("add", 1, 1), fails()), chord([s("echo"), s("echo")], s("echo")))
    return chord([inner, s("add", 3, 3)], s("echo"))


@shape(improves="ends")
def a_failing_chord_before_a_group_in_a_chord():
    inner = chain(group(s("add", 1, 1), fails()), group(s("echo"), s("echo")), s("echo"))
    return chord([inner, s("add", 3, 3)], s("echo"))


@shape(improves="ends")
def a_failing_chord_in_a_chord_before_a_group():
    inner = chord([si("add", 1, 1), fails()], s("echo"))
    return chain(s("add", 1, 1), group(s("add", 1), inner), group(s("echo"), s("echo")), s("echo"))
