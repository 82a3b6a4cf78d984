# SPDX-License-Identifier: Apache-2.0
"""Callbacks and errbacks of Python producers: what Python workers make of them, petiole makes of them
too, alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_links"))
def test_links_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_links", shape).same(clients[version])


@pytest.mark.parametrize("version, shape", cases("workflow_errors"))
def test_errbacks_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_errors", shape).same(clients[version])
