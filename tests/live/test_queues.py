# SPDX-License-Identifier: Apache-2.0
"""Queues, priorities, prefetching, and what lies in Redis while a task runs."""

import json
import re

import pytest

from actors import wire


def received(worker):
    """Ids in the order in which the log says they were received."""
    return [m[1] for line in worker.lines if (m := re.search(r"Task \S+\[(.+?)\] received", line))]


def wait_all(producer, ids):
    return [producer.get(id)["value"] for id in ids]


def test_one_queue_is_first_in_first_out(broker, producer, start):
    ids = [producer.send("demo.echo", n) for n in range(50)]
    worker = start(concurrency=1)
    assert wait_all(producer, ids) == list(range(50))
    assert received(worker) == ids


def test_lower_priority_numbers_come_first(broker, producer, start):
    sent = [(p, producer.send("demo.echo", p, _options={"priority": p}))
            for p in (9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 4, 0, 99)]
    assert broker.llen("celery\x06\x163") == 4
    worker = start(concurrency=1)
    wait_all(producer, [id for _, id in sent])
    step = {id: min(p, 9) // 3 for p, id in sent}
    order = [step[id] for id in received(worker)]
    assert order == sorted(order)


def test_every_queue_named_is_served_and_no_other(producer, start, broker):
    start(queues="a,b")
    ids = [producer.send("demo.echo", n, _options={"queue": "ab"[n % 2]}) for n in range(20)]
    producer.send("demo.echo", 0, _options={"queue": "other"})
    assert wait_all(producer, ids) == list(range(20))
    assert broker.llen("other") == 1


def test_queues_take_turns(producer, start):
    ids = {q: [producer.send("demo.echo", n, _options={"queue": q}) for n in range(30)] for q in "ab"}
    worker = start(queues="a,b", concurrency=1, options=["--prefetch-multiplier", "1"])
    wait_all(producer, ids["a"] + ids["b"])
    first = received(worker)[:30]
    assert 10 <= len([id for id in first if id in ids["a"]]) <= 20


def test_python_publishers_find_the_queue_by_its_binding(pair_default):
    ours, theirs = pair_default.ours.broker, pair_default.theirs.broker
    for key in ("_kombu.binding.celery", "_kombu.binding_permanent.celery"):
        assert ours.smembers(key) == theirs.smembers(key), key
    outcome = pair_default.same("demo.add", 1, 2, _options={"exchange": "celery", "routing_key": "celery"})
    assert outcome.meta["result"] == 3


def test_no_more_is_held_than_the_prefetch_allows(producer, start):
    long = producer.send("demo.sleep", 1.0)
    echoes = [producer.send("demo.echo", n) for n in range(10)]
    worker = start(concurrency=1, options=["--prefetch-multiplier", "2"])
    assert wait_all(producer, [long, *echoes]) == [1.0, *range(10)]
    until_done = next(n for n, line in enumerate(worker.lines) if "demo.sleep" in line and "succeeded" in line)
    taken = sum("received" in line for line in worker.lines[:until_done])
    assert 2 <= taken <= 3, "one runs, acknowledged early; two wait"


def test_late_acknowledgement_counts_what_runs(producer, start):
    long = producer.send("demo.sleep", 1.0)
    echoes = [producer.send("demo.echo", n) for n in range(10)]
    worker = start(concurrency=1, options=["--prefetch-multiplier", "1"], config={"task_acks_late": True})
    assert wait_all(producer, [long, *echoes]) == [1.0, *range(10)]
    until_done = next(n for n, line in enumerate(worker.lines) if "demo.sleep" in line and "succeeded" in line)
    assert sum("received" in line for line in worker.lines[:until_done]) == 1


def test_a_running_late_task_is_booked_as_kombu_books_it(producer, start, broker, redis_server, kind):
    start(config={"task_acks_late": True, "task_track_started": True})
    message = wire.envelope("demo.sleep", (1.0,))
    id = message["headers"]["id"]
    raw = wire.push(broker, message)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    [(tag, value)] = broker.hgetall("unacked").items()
    assert json.loads(value) == [json.loads(raw), "", "celery"]
    assert json.dumps(json.loads(value)).encode() == value
    [(member, score)] = broker.zrange("unacked_index", 0, -1, withscores=True)
    assert member == tag and abs(score - broker.time()[0]) < 60
    assert producer.get(id)["value"] == 1.0
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))


def test_nothing_is_left_behind(producer, start, broker):
    worker = start()
    ids = [producer.send("demo.add", 1, n) for n in range(20)]
    ids += [producer.send("demo.fail", "ValueError", "x"), producer.send("demo.retry", 1, 0.1)]
    for id in ids:
        producer.get(id)
    assert worker.stop() == 0
    left = {k for k in broker.keys() if not k.startswith(b"celery-task-meta-")}
    left -= {b"_kombu.binding_deadlines", b"_kombu.binding_permanent.celery"}
    assert left <= {b"_kombu.binding.celery", b"_kombu.binding.celeryev",
                    b"_kombu.binding.celery.pidbox", b"_kombu.binding.reply.celery.pidbox"}


@pytest.mark.parametrize("compression", ["zlib", "bzip2", "lzma"])
def test_compressed_bodies_are_unpacked(pair_default, compression):
    pair_default.same("demo.echo", "squeeze me " * 1000, _options={"compression": compression})


def test_a_large_argument_and_result_pass(pair_default):
    pair_default.same("demo.echo", {"text": "0123456789" * 300_000})


# ---- What petiole cannot run goes back as it came.


@pytest.mark.petiole_only
def test_an_unknown_task_is_put_back_byte_for_byte(producer, start, broker):
    for n in range(3):
        producer.send("python.only", n)
    before = broker.lrange("celery", 0, -1)
    worker = start()
    assert producer.get(producer.send("demo.add", 2, 2))["value"] == 4
    worker.wait_line("python.only")
    assert worker.stop() == 0
    assert sorted(broker.lrange("celery", 0, -1)) == sorted(before)
    assert worker.count("python.only") == 1, "one line per name"


@pytest.mark.petiole_only
def test_an_unknown_task_reaches_the_python_worker_that_knows_it(producer, start, stage, redis_server):
    start()
    ids = [producer.send("ledger.work", stage.path("ledger"), n) for n in range(5)]
    assert producer.get(producer.send("demo.add", 2, 2))["value"] == 4
    stage.worker("new", redis_server, hostname="python@h2")
    assert wait_all(producer, ids) == list(range(5))


@pytest.mark.parametrize("first, second", [("new", "kind"), ("kind", "new")])
def test_either_worker_restores_what_the_other_held(stage, redis_server, producer, broker, kind, first, second):
    """A message held for its ETA by a worker that was killed."""
    names = {"kind": kind, "new": "new"}
    config = {"broker_transport_options": {"visibility_timeout": 2}}
    dead = stage.worker(names[first], redis_server, hostname="dead@h1", config=config)
    id = producer.send("demo.echo", "held", _options={"countdown": 4})
    redis_server.until(lambda r: r.hlen("unacked") == 1)
    dead.kill_hard()
    stage.worker(names[second], redis_server, hostname="heir@h2", config=config)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), seconds=60)
    assert producer.get(id)["value"] == "held"
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
