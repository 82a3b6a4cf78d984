# SPDX-License-Identifier: Apache-2.0
"""Workflows composed at random come to the value that was predicted, on petiole and on
petiole beside a Python worker.

PETIOLE_RANDOM_WORKFLOWS=n runs so many of each producer's, from PETIOLE_RANDOM_SEED on;
what fails then belongs into FAILED."""

import os

import pytest

FAILED = [1968, 3210, 4658, 5541, 5762]  # seeds of workflows that once went wrong
MANY = int(os.environ.get("PETIOLE_RANDOM_WORKFLOWS", 150))
FIRST = int(os.environ.get("PETIOLE_RANDOM_SEED", 1))
AT_ONCE = 25


@pytest.fixture(scope="module")
def some_workers(reference_stage):
    """get(*kinds): a server with these workers on it, and the workers."""
    made = {}

    def get(*kinds):
        if kinds not in made:
            server = reference_stage.redis()
            made[kinds] = server, [reference_stage.worker(kind, server, hostname=f"w{n}@h1", ready=False)
                                   for n, kind in enumerate(kinds)]
            for worker in made[kinds][1]:
                worker.wait_ready()
        return made[kinds]

    return get


def wrong_ones(producer, server, workers, seeds, failures):
    wrong = {}
    producer.connect(server.url(), server.url())
    for begin in range(0, len(seeds), AT_ONCE):
        wrong.update(producer.random_workflows(seeds[begin:begin + AT_ONCE], failures))
        assert all(worker.running() for worker in workers)
    return wrong


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("many, peers", [(2 * MANY, []), (MANY, ["new"])], ids=["alone", "beside Python"])
def test_random_workflows_come_to_their_value(some_workers, kind, clients, version, many, peers):
    """Beside Python none fails: what a failed chord is a part of may then pend for ever."""
    server, workers = some_workers(kind, *peers)
    failures = kind == "petiole" and not peers
    assert not wrong_ones(clients[version], server, workers, [*FAILED, *range(FIRST, FIRST + many)], failures)
