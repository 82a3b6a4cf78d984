# SPDX-License-Identifier: Apache-2.0
"""Two workers that most comparisons share, because a Python worker starts slowly."""

import json

import pytest
import workflow_shapes

from actors.comparison import Pair, Side
from actors.grounds import Grounds


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


@pytest.fixture(scope="session")
def grounds_kept(reference_stage, kind):
    """get(config): the workers of the workflows' tests, kept because they start slowly."""
    made = {}

    def get(config):
        key = json.dumps(config, sort_keys=True)
        if key not in made:
            made[key] = Grounds(reference_stage, kind, config)
        return made[key]

    yield get
    for grounds in made.values():
        grounds.close()


@pytest.fixture
def grounds(grounds_kept):
    """grounds(module, name): one of the workflows, and where to run it."""
    used = []

    def get(module, name):
        used.append(grounds_kept(workflow_shapes.named(module, name).config))
        return used[0].of(module, name)

    yield get
    for grounds in used:
        grounds.check()
