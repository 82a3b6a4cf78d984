# SPDX-License-Identifier: Apache-2.0
"""Chains of Python producers: what Python workers make of them, petiole makes of them
too, alone and beside a Python worker."""

import pytest
from workflow_shapes import cases


@pytest.mark.parametrize("version, shape", cases("workflow_chains"))
def test_chains_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_chains", shape).same(clients[version])


@pytest.mark.parametrize("version, shape", cases("workflow_chain_failures"))
def test_chains_that_end_early_are_as_in_python(grounds, clients, version, shape):
    grounds("workflow_chain_failures", shape).same(clients[version])
