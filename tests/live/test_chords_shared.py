# SPDX-License-Identifier: Apache-2.0
"""Chords whose parts run on petiole, on a new Celery and on an old one at once: each is
joined once, by whoever runs its last part, from the parts of all."""

import json

import pytest

from actors import wire
from actors.stage import Stage

KINDS = ("petiole", "new", "old")
PARTS = 60
RESULTS = [2 * i for i in range(PARTS)]


def as_the_old_one_adds_it(broker, chord, id, index, value):
    """Without the marks by which Celery 5.7 and petiole know who is there."""
    key = f"celery-taskset-meta-{chord}.j"
    broker.zadd(key, {json.dumps([1, id, "SUCCESS", value]): index})


def test_a_part_that_came_twice_on_an_old_one_counts_once(start, redis_server, producer, broker):
    """With different results, as a task that is delivered twice may have."""
    id = producer.canvas("chord([s('demo.add', i, i) for i in range(4)], s('demo.echo'))")
    waiting = [wire.decoded(raw)[0]["headers"] for raw in broker.lrange("celery", 0, -1)]
    twice = next(headers for headers in waiting if headers["group_index"] == 2)
    for value in (7, 8):
        as_the_old_one_adds_it(broker, twice["group"], twice["id"], 2, value)
    start()
    value = producer.get(id)["value"]
    assert value[:2] + value[3:] == [0, 2, 6] and value[2] in (7, 8)


class Sharing:
    """Three workers on one queue, that take the parts as they can."""

    def __init__(self, stage, is_ordered):
        config = {"result_backend_transport_options": {"result_chord_ordered": is_ordered},
                  "worker_prefetch_multiplier": 1}
        self.is_ordered = is_ordered
        self.server = stage.redis()
        self.workers = [stage.worker(kind, self.server, config=config, hostname=f"{kind}@h") for kind in KINDS]
        for worker in self.workers:
            worker.tolerate("ChordError|[Cc]hord|ValueError")

    def connect(self, client):
        client.connect(self.server.url(), self.server.url())
        return client

    def runs(self, task):
        return [worker.count(rf"Task {task}\[\S+\] succeeded") for worker in self.workers]


@pytest.fixture(scope="module")
def shared_stage():
    """Kept for the module: a client whose old server is gone takes 19 s to notice."""
    stage = Stage()
    yield stage, {}
    stage.close()
    assert not stage.alarms()


@pytest.fixture(params=[True, False], ids=["ordered", "unordered"])
def sharing(request, shared_stage):
    stage, made = shared_stage
    if request.param not in made:
        made[request.param] = Sharing(stage, request.param)
    return made[request.param]


def test_each_chord_is_joined_once_from_the_parts_of_all(sharing, clients, version):
    client, rounds, before = sharing.connect(clients[version]), 8, sharing.runs("demo.echo")
    for _ in range(rounds):
        id = client.canvas(f"chord([s('demo.add', i, i) for i in range({PARTS})], s('demo.echo'))")
        value = client.get(id)["value"]
        assert (value if sharing.is_ordered else sorted(value)) == RESULTS
    assert sum(sharing.runs("demo.echo")) - sum(before) == rounds
    assert all(sharing.runs("demo.add"))
    sharing.server.until(lambda broker: not broker.keys("celery-taskset-meta-*.[js]"), what="the keys' end")


def test_a_part_that_fails_on_any_of_them_fails_the_body_once(sharing, clients):
    client, before = sharing.connect(clients["new"]), sharing.runs("demo.echo")
    for _ in range(4):
        id = client.canvas(f"chord([s('demo.add', i, i) for i in range({PARTS})] + "
                           "[s('demo.fail', 'ValueError', 'bad')], s('demo.echo'))")
        raw = sharing.server.until(lambda broker: broker.get(f"celery-task-meta-{id}"), what="the body's end")
        failure = json.loads(raw)["result"]
        assert failure["exc_type"] == "ChordError"
        assert failure["exc_message"][0].endswith("raised ValueError('bad')")
    assert sharing.runs("demo.echo") == before
