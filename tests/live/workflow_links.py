# SPDX-License-Identifier: Apache-2.0
"""What follows a task that succeeded: links."""

from celery import chord, group, signature

import workflow_shapes as shapes
from workflow_shapes import fails, s, shape, si


@shape
def a_plain_link():
    return s("add", 1, 2, link=[s("add", 10)])


@shape
def a_link_that_is_no_list():
    return s("add", 1, 2, link=s("add", 10))


@shape
def several_links():
    return s("add", 1, 2, link=[s("add", 10), s("add", 20), s("echo")])


@shape
def an_immutable_link():
    return s("add", 1, 2, link=[si("add", 10, 20)])


@shape
def a_link_of_a_link():
    return s("add", 1, 2, link=[s("add", 10, link=[s("add", 100, link=[s("echo")])])])


@shape
def a_link_to_a_group():
    return s("add", 1, 2, link=[group(s("add", 10), s("add", 20))])


@shape
def links_to_a_group_and_a_task():
    return s("add", 1, 2, link=[group(s("add", 10), s("add", 20)), s("add", 30), s("echo")])


@shape
def a_link_to_a_chain():
    return s("add", 1, 2, link=[s("add", 10) | s("add", 20)])


@shape
def links_to_two_chains():
    return s("add", 1, 2, link=[s("add", 10) | s("add", 20), s("add", 30) | s("add", 40)])


@shape
def a_link_to_a_chord():
    return s("add", 1, 2, link=[chord([s("add", 10), s("add", 20)], s("echo"))])


@shape
def a_link_with_options():
    return s("add", 1, 2, link=[s("add", 10, priority=3, headers={"trace": "abc"}, shadow="other",
                                  expires=3000, time_limit=60, soft_time_limit=50)])


@shape
def a_link_with_an_id():
    return s("add", 1, 2, link=[s("add", 10, task_id="the-links-own-id")])


@shape
def a_link_to_another_queue():
    return s("add", 1, 2, link=[s("add", 10, queue="elsewhere")])


@shape(improves="knows_the_unknown")
def a_link_to_an_unknown_task():
    return s("add", 1, 2, link=[s("there.is_none", 10)])


@shape
def a_link_with_keywords():
    return s("echo", 5, link=[signature("demo.add", kwargs={"y": 4}, app=shapes.app)])


@shape
def the_link_of_a_failure_is_not_followed():
    return fails(link=[s("add", 10)])


@shape
def a_link_added_to_a_chain():
    made = s("add", 1, 2) | s("add", 3)
    made.link(s("add", 100))
    return made
