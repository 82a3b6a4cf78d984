# SPDX-License-Identifier: Apache-2.0
"""What follows a task that failed: errbacks."""

from celery import group

from workflow_shapes import fails, s, shape, si


@shape
def an_errback():
    return fails(link_error=[s("echo")])


@shape(improves="publishes_errbacks")
def an_immutable_errback():
    return fails(link_error=[si("add", 1, 2)])


@shape(improves="publishes_errbacks")
def several_errbacks():
    return fails(link_error=[s("echo"), si("add", 1, 2), si("echo", "and this")])


@shape(improves="knows_the_unknown")
def an_errback_of_an_unknown_task():
    return fails(link_error=[s("there.is_none", "more")])


@shape(improves="publishes_errbacks")
def an_errback_that_has_an_errback():
    return fails(link_error=[si("fail", "KeyError", "again", link_error=[s("echo")])])


@shape
def an_errback_with_a_link():
    return fails(link_error=[s("echo", link=[s("echo", link=[si("add", 1, 1)])])])


@shape
def an_errback_with_options():
    return fails(link_error=[s("echo", priority=6, headers={"trace": "abc"})])


@shape(improves="publishes_errbacks")
def an_errback_that_is_a_chain():
    return fails(link_error=[s("echo") | s("echo")])


@shape
def an_errback_that_is_a_group():
    return fails(link_error=[group(s("echo"), s("echo"))])


@shape
def the_errback_of_a_success_is_not_called():
    return s("add", 1, 2, link_error=[s("echo")])


@shape
def an_expected_failure():
    return si("fail_with", "KeyError", ["k", 1], link_error=[s("echo")])


@shape
def an_argument_error_has_an_errback():
    return s("add", 1, link_error=[s("echo")])


@shape(improves="publishes_errbacks")
def an_unknown_task_has_an_errback():
    return s("there.is_none", link_error=[s("echo")])
