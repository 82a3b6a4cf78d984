# SPDX-License-Identifier: Apache-2.0
"""Two workers that most comparisons share, because a Python worker starts slowly."""

import pytest

from actors.comparison import Pair, Side


@pytest.fixture(scope="session")
def default_sides(reference_stage, kind, clients):
    made = []

    def get(version):
        if not made:
            made.append(Side(reference_stage, kind, clients[version]))
        made[0].client = clients[version]
        return made[0]

    return get


@pytest.fixture
def pair_default(reference, clients, version, default_sides):
    """Both workers with Celery's defaults, kept for the whole session."""
    ours, theirs = default_sides(version), reference()
    theirs.client = clients[version]
    before = len(ours.worker.alarms())
    yield Pair(ours, theirs)
    assert not ours.worker.alarms()[before:]
    assert ours.worker.running()
