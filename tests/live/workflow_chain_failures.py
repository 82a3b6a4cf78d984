# SPDX-License-Identifier: Apache-2.0
"""Chains that end before their end."""

from celery import chain

from workflow_shapes import doomed, expired, fails, no_more_retries, s, shape, si


@shape
def a_chain_whose_first_fails():
    return chain(fails(), s("add", 3), s("add", 4))


@shape
def a_chain_whose_middle_fails():
    return chain(s("add", 1, 2), fails(), s("add", 4))


@shape
def a_chain_whose_last_fails():
    return chain(s("add", 1, 2), s("add", 3), fails())


@shape
def a_failing_chain_with_errbacks():
    made = chain(s("add", 1, 2), fails(), s("add", 4))
    made.link_error(s("echo"))
    return made


@shape
def a_failing_chain_with_errbacks_on_members():
    return chain(s("add", 1, 2, link_error=[si("echo", "first")]),
                 fails(link_error=[si("echo", "second")]), s("add", 4, link_error=[si("echo", "third")]))


@shape
def a_chain_whose_retries_run_out():
    return chain(s("add", 1, 2), no_more_retries(), s("add", 10))


@shape(improves=("knows_the_unknown", "ends"))
def a_chain_of_an_unknown_task():
    return chain(s("add", 1, 2), s("there.is_none"), s("add", 4))


@shape(improves="ends")
def a_chain_of_which_the_first_is_revoked():
    return chain(doomed(1, 2), s("add", 3), s("add", 4))


@shape(improves="ends")
def a_chain_of_which_the_middle_is_revoked():
    return chain(s("add", 1, 2), doomed(3), s("add", 4))


@shape
def a_chain_of_which_the_last_is_revoked():
    return chain(s("add", 1, 2), s("add", 3), doomed(4))


@shape(improves="ends")
def a_chain_of_which_the_first_has_expired():
    return chain(expired(1, 2), s("add", 3), s("add", 4))


@shape(improves="ends")
def a_chain_of_which_the_middle_has_expired():
    return chain(s("add", 1, 2), expired(3), s("add", 4))


@shape
def a_chain_of_which_the_last_has_expired():
    return chain(s("add", 1, 2), s("add", 3), expired(4))
