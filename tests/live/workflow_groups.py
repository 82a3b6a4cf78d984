# SPDX-License-Identifier: Apache-2.0
"""Groups, chunks and maps."""

from celery import chain, group
from celery.canvas import chunks, xmap, xstarmap

import workflow_shapes as shapes
from workflow_shapes import fails, s, shape, si


@shape
def a_group():
    return group(s("add", n, n) for n in range(4))


@shape
def an_empty_group():
    return group()


@shape
def a_group_of_one():
    return group([s("add", 1, 2)])


@shape
def a_group_with_partial_arguments():
    return group(s("add", 1), s("add", 2), si("add", 3, 3)).apply_async(args=(10,))


@shape
def a_group_in_a_group():
    return group(s("add", 1, 1), group(s("add", 2, 2), group(s("add", 3, 3), s("add", 4, 4))))


@shape
def a_group_of_chains():
    return group(s("add", 1, 1) | s("add", 10), s("add", 2, 2) | s("add", 20) | s("add", 200))


@shape
def a_group_that_fails_in_part():
    return group(s("add", 1, 1), fails(), s("add", 3, 3))


@shape
def a_group_with_links():
    made = group(s("add", 1, 1), s("add", 2, 2))
    made.link(si("add", 100, 1))
    made.link_error(s("echo"))
    return made


@shape
def a_chain_that_ends_in_a_group():
    return chain(s("add", 1, 2), group(s("add", 10), s("add", 20)))


@shape
def a_chain_that_ends_in_a_group_of_chains():
    return chain(s("add", 1, 2), group(s("add", 10) | s("add", 11), s("add", 20) | s("add", 21)))


@shape
def a_chain_that_ends_in_nested_groups():
    return chain(s("add", 1, 2), group(s("add", 10), group(s("add", 20), s("add", 30))))


@shape
def a_failing_chain_that_ends_in_a_group():
    return chain(fails(), group(s("add", 10), s("add", 20)))


@shape
def a_saved_group():
    made = group(s("add", 1, 1), s("add", 2, 2)).apply_async()
    made.save()
    return made


@shape
def a_group_with_stamps():
    made = group(s("add", 1, 1) | s("add", 2), s("add", 2, 2))
    made.stamp(who="me")
    return made


@shape
def a_group_with_options():
    return group(s("add", 1, 1), s("add", 2, 2, priority=9)).apply_async(priority=3, headers={"t": 1})


@shape
def chunks_of_a_task():
    return chunked(7, 3)


def chunked(n, size):
    return chunks(s("add"), [[i, i] for i in range(n)], size, app=shapes.app)


@shape
def chunks_as_a_group():
    return chunked(7, 3).group()


@shape
def a_map():
    return xmap(s("echo"), [1, "two", None], app=shapes.app)


@shape
def a_starmap():
    return xstarmap(s("add"), [[1, 2], [3, 4]], app=shapes.app)


@shape
def a_starmap_that_fails():
    return xstarmap(s("add"), [[1, 2], [3]], app=shapes.app)


@shape
def a_chain_that_goes_on_from_a_starmap():
    return chain(xstarmap(s("add"), [[1, 2], [3, 4]], app=shapes.app), s("echo"))
