# SPDX-License-Identifier: Apache-2.0
"""The ledger: what started and what ended, in the order it did."""

import collections

import pytest

from actors.worker import BUILD


class Ledger:
    def __init__(self, path):
        self.path = path
        open(path, "w").close()

    def lines(self):
        with open(self.path) as f:
            text = f.read()
        whole = text[:text.rfind("\n") + 1]  # the last line may be on its way
        return [tuple(line.split()) for line in whole.splitlines()]

    def starts(self):
        return collections.Counter(name for what, name in self.lines() if what == "start")

    def ends(self):
        return collections.Counter(name for what, name in self.lines() if what == "end")

    def open_now(self):
        """Started as often as not ended: what a kill at this moment may repeat."""
        ends = self.ends()
        return {name for name, n in self.starts().items() if n > ends[name]}


@pytest.fixture
def ledger(stage):
    return Ledger(stage.path("ledger"))


@pytest.fixture
def plugins():
    return f"demo,{BUILD}/tests/fault/ledger.so"


@pytest.fixture
def late():
    """Late acknowledgement, and leases short enough for a test to outlive them."""
    return {"task_acks_late": True, "task_reject_on_worker_lost": True,
            "broker_transport_options": {"visibility_timeout": 3}}


def finished(client, ids):
    """How many of the ids have a stored SUCCESS."""
    stored = client.mget([f"celery-task-meta-{id}" for id in ids])
    return sum(raw is not None and b'"status": "SUCCESS"' in raw for raw in stored)


@pytest.fixture
def all_done(redis_server):
    """Waits until every id has succeeded and nothing is held any more."""

    def wait(ids, seconds=60):
        redis_server.until(lambda r: finished(r, ids) == len(ids), seconds, what="all results")
        redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20,
                           what="an empty book")

    return wait


@pytest.fixture
def counts(ledger, record_property, capsys):
    """Prints and returns (lost, repeated) over the names given."""

    def count(names, what):
        starts, ends = ledger.starts(), ledger.ends()
        lost = [n for n in names if not ends[n]]
        repeated = {n for n in names if starts[n] > 1}
        line = f"{what}: {len(names)} tasks, lost {len(lost)}, repeated {len(repeated)}"
        record_property("counts", line)
        with capsys.disabled():
            print(f"\n    {line}")
        return lost, repeated

    return count
