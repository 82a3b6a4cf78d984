# SPDX-License-Identifier: Apache-2.0
"""What tasks start, put in their own place, or add to their chord: as Python workers do,
petiole alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_replace"))
def test_what_tasks_start_is_as_in_python(grounds, clients, version, shape):
    grounds("workflow_replace", shape).same(clients[version])
