# SPDX-License-Identifier: Apache-2.0
"""Tasks that no plugin has: put back, refused as Celery does, or moved to a queue."""

import json
import time

import pytest

from actors import meta as metas
from actors import wire

pytestmark = pytest.mark.petiole_only


def test_reject_stores_what_celery_stores(stage, clients, kind):
    stored = {}
    for name in (kind, "new"):
        server = stage.redis()
        options = ["--unknown=reject"] if name == "petiole" else []
        worker = stage.worker(name, server, options=options)
        clients["new"].connect(server.url(), server.url())
        id = clients["new"].send("nowhere.known", 1)
        server.until(lambda r: r.exists(f"celery-task-meta-{id}"))
        stored[name] = metas.comparable(metas.load(server.client().get(f"celery-task-meta-{id}")))
        worker.wait_line(r"Received unregistered task of type 'nowhere.known'\.")
        assert clients["new"].get(id)["raised"] == "NotRegistered"
        server.until(lambda r: not r.exists("unacked", "celery", "petiole.dead"))
    assert stored[kind] == stored["new"]


def test_a_queue_gets_the_very_bytes(start, broker, redis_server, producer):
    worker = start(options=["--unknown=queue:python"])
    raw = [wire.push(broker, wire.envelope("python.only", (n,), priority=3 * n)) for n in range(3)]
    redis_server.until(lambda r: r.exists("python\x06\x166"))
    redis_server.until(lambda r: not r.exists("unacked"))
    lists = ["python", "python\x06\x163", "python\x06\x166"]
    assert [broker.lrange(key, 0, -1) for key in lists] == [[r] for r in raw]
    assert worker.count("moved to queue python") == 1


def test_a_queue_of_its_own_is_no_loop(start, broker, redis_server):
    worker = start(options=["--unknown", "queue:celery"])
    raw = wire.push(broker, wire.envelope("python.only"))
    worker.wait_line("put back for other workers")
    assert worker.stop() == 0
    assert broker.lrange("celery", 0, -1) == [raw]


def test_after_the_wait_it_is_a_dead_letter_that_can_be_replayed(start, broker, redis_server, stage):
    start(config={"unknown_task_wait": 1})
    raw = wire.push(broker, wire.envelope("python.only", id="u1"))
    redis_server.until(lambda r: r.llen("petiole.dead") == 1, seconds=30)
    letter = json.loads(broker.lindex("petiole.dead", 0))
    assert letter["task"] == "python.only" and letter["id"] == "u1"
    assert letter["message"].encode("latin-1") == raw


def test_a_mixed_fleet_runs_each_task_where_it_is_known(stage, start, redis_server, producer, broker):
    """Python gives back nothing that it does not know, so its own tasks go to its queue."""
    start(options=["--unknown", "queue:python"])
    stage.worker("new", redis_server, hostname="python@h2", queues="python")
    ids = {}
    for n in range(20):
        ids[producer.send("ledger.work", stage.path("ledger"), n)] = n
        ids[producer.send("demo.echo", n)] = n
    assert {id: producer.get(id)["value"] for id in ids} == ids
    redis_server.until(lambda r: not r.exists("unacked", "celery", "python", "petiole.dead"))


def push_many(broker, task, count, id=None):
    """Returns their bytes."""
    raws = [json.dumps(wire.envelope(task, (n, n), id=id)).encode() for n in range(count)]
    broker.lpush("celery", *raws)
    return raws


def commands(broker):
    """How many commands the server has run, those within scripts included."""
    return sum(each["calls"] for each in broker.info("commandstats").values())


@pytest.mark.parametrize("unknown, workers", [(3000, 1), (5000, 2)])
def test_tasks_behind_many_unknown_ones_are_served(start, broker, redis_server, unknown, workers):
    """Far more than a worker parks. None is lost, none is changed, and it is no busy loop:
    a worker puts back no more than 500 in a second to make room. They have one id, so that
    they are held for a minute from the start, as if they had been put back often."""
    raws = push_many(broker, "python.only", unknown, id="u1")
    push_many(broker, "demo.add", 50)
    before, began = commands(broker), time.monotonic()
    running = [start(hostname=f"w{n}@h") for n in range(workers)]
    broker.config_set("notify-keyspace-events", "K$")  # results, not each step of the lists
    redis_server.until(lambda r: len(r.keys("celery-task-meta-*")) == 50, seconds=60)
    assert sum(broker.pipeline().llen("celery").hlen("unacked").execute()) >= unknown
    moved = unknown + 50 + workers * 500 * (time.monotonic() - began + 1)
    assert commands(broker) - before < 8 * moved
    assert [worker.stop() for worker in running] == [0] * workers
    assert sorted(broker.lrange("celery", 0, -1)) == sorted(raws)
    assert not broker.exists("unacked", "petiole.dead")


def test_more_unknown_ones_than_are_parked_become_dead_letters(start, broker, redis_server):
    raws = push_many(broker, "python.only", 1500)
    start(config={"unknown_task_wait": 1})
    redis_server.until(lambda r: r.llen("petiole.dead") == 1500, seconds=60)
    letters = [json.loads(letter)["message"].encode("latin-1")
               for letter in broker.lrange("petiole.dead", 0, -1)]
    assert sorted(letters) == sorted(raws)
    redis_server.until(lambda r: not r.exists("unacked", "celery"))
