# SPDX-License-Identifier: Apache-2.0
"""Rate limits, by annotation and by setting."""

import json
import time

import pytest


def done_times(broker, producer, ids):
    import datetime
    for id in ids:
        producer.get(id)
    return [datetime.datetime.fromisoformat(
        json.loads(broker.get(f"celery-task-meta-{id}"))["date_done"]).timestamp() for id in ids]


@pytest.mark.parametrize("config", [
    {"task_annotations": {"demo.echo": {"rate_limit": "5/s"}}},
    {"task_annotations": {"*": {"rate_limit": 5}}},
    {"task_default_rate_limit": "300/m"}], ids=["annotation", "star", "default"])
def test_tasks_of_one_type_start_no_faster_than_their_rate(start, broker, producer, kind, config):
    start(config=config)
    ids = [producer.send("demo.echo", n) for n in range(6)]
    done = done_times(broker, producer, ids)
    assert done == sorted(done), "they keep their order"
    gaps = [b - a for a, b in zip(done, done[1:])]
    if kind != "petiole":  # a Python worker lets the second one through at once
        gaps = gaps[1:]
    assert min(gaps) > 0.1
    assert sum(gaps) >= 0.2 * len(gaps) - 0.05


def test_another_type_does_not_wait_for_it(start, producer):
    start(config={"task_annotations": {"demo.echo": {"rate_limit": "1/m"}}}, concurrency=1)
    slow = [producer.send("demo.echo", n) for n in range(3)]
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert producer.get(slow[0])["value"] == 0
    assert producer.get(producer.send("demo.add", 2, 2))["value"] == 4


@pytest.mark.petiole_only
def test_what_waits_for_its_rate_does_not_fill_the_prefetch(start, broker, producer, redis_server):
    """A Python worker takes nothing more once as many wait as it may prefetch."""
    start(config={"task_annotations": {"demo.echo": {"rate_limit": "1/h"}}}, concurrency=1,
          options=["--prefetch-multiplier", "1"])
    for n in range(20):
        producer.send("demo.echo", n)
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    redis_server.until(lambda r: r.hlen("unacked") == 19 and r.zcard("unacked_index") == 19)


def test_rate_limits_can_be_switched_off(start, producer):
    start(config={"task_default_rate_limit": "1/h", "worker_disable_rate_limits": True})
    for n in range(5):
        assert producer.get(producer.send("demo.echo", n))["value"] == n


def test_an_eta_comes_first_and_then_the_rate(start, broker, producer):
    start(config={"task_annotations": {"demo.echo": {"rate_limit": "2/s"}}})
    began = time.time()
    ids = [producer.send("demo.echo", n, _options={"countdown": 0.5}) for n in range(3)]
    done = done_times(broker, producer, ids)
    assert min(done) >= began + 0.45
    assert max(done) - min(done) >= 0.45


@pytest.mark.petiole_only
def test_what_expires_while_it_waits_for_its_rate_is_revoked_and_takes_no_token(start, producer, redis_server):
    start(config={"task_annotations": {"demo.echo": {"rate_limit": "1/s"}}}, concurrency=1)
    first = producer.send("demo.echo", 1)
    assert producer.get(first)["value"] == 1
    late = [producer.send("demo.echo", n, _options={"expires": 0.2}) for n in range(5)]
    last = producer.send("demo.echo", 9)
    began = time.time()
    assert producer.get(last)["value"] == 9
    assert time.time() - began < 3
    assert {producer.get(id)["raised"] for id in late} == {"TaskRevokedError"}
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"))


@pytest.mark.petiole_only
def test_what_waits_for_its_rate_goes_back_in_order_when_the_worker_stops(start, broker, producer, redis_server):
    worker = start(config={"task_annotations": {"demo.echo": {"rate_limit": "1/h"}}}, concurrency=1)
    assert producer.get(producer.send("demo.echo", 0))["value"] == 0
    ids = [producer.send("demo.echo", n) for n in range(5)]
    redis_server.until(lambda r: r.hlen("unacked") == 5)
    assert worker.stop() == 0
    assert [json.loads(raw)["headers"]["id"] for raw in reversed(broker.lrange("celery", 0, -1))] == ids
    assert not broker.exists("unacked", "unacked_index")
