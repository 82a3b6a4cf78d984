# SPDX-License-Identifier: Apache-2.0
"""Chords that fail of Python producers: what Python workers make of them, petiole makes of them
too, alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_chord_failures"))
def test_chords_that_fail_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_chord_failures", shape).same(clients[version])
