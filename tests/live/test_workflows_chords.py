# SPDX-License-Identifier: Apache-2.0
"""Chords of Python producers: what Python workers make of them, petiole makes of them
too, alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_chords"))
def test_chords_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_chords", shape).same(clients[version])


@pytest.mark.petiole_only
def test_an_inner_group_that_shares_the_id_of_its_chord_does_not_end_it(grounds, clients):
    """As an old producer has it: on a Python worker the body may run before its parts have."""
    found = grounds("workflow_chords", "a_chord_of_chains_that_end_in_groups").alone(clients["old"])
    ids = [message["headers"]["id"] for message in found.messages]
    assert found.got == {"value": [[12, 22], [34, 44]]}
    assert len(ids) == len(set(ids))
