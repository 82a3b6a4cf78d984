# SPDX-License-Identifier: Apache-2.0
"""Groups, chunks and maps of Python producers: what Python workers make of them, petiole makes of them
too, alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_groups"))
def test_groups_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_groups", shape).same(clients[version])
