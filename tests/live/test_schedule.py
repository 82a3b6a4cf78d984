# SPDX-License-Identifier: Apache-2.0
"""ETA, countdown and expiry."""

import datetime
import json
import time

import pytest

from actors import wire


def iso(seconds_from_now, zone=datetime.timezone.utc):
    return (datetime.datetime.now(zone) + datetime.timedelta(seconds=seconds_from_now)).isoformat()


def test_a_distant_eta_is_held_in_kombus_form(worker, broker, redis_server, producer, kind):
    id = producer.send("demo.add", 1, 2, _options={"countdown": 3600})
    redis_server.until(lambda r: r.hlen("unacked") == 1 and r.zcard("unacked_index") == 1)
    [(tag, value)] = broker.hgetall("unacked").items()
    envelope, exchange, routing_key = json.loads(value)
    assert json.dumps([envelope, exchange, routing_key]).encode() == value
    assert (exchange, routing_key) == ("", "celery")
    assert envelope["headers"]["id"] == id
    assert (broker.type("unacked"), broker.type("unacked_index")) == (b"hash", b"zset")
    assert not broker.llen("celery")
    score = broker.zscore("unacked_index", tag)
    now = broker.time()[0]
    assert now - 60 < score < now + 3601
    if kind == "petiole":
        assert score == int(score), "a fractional score costs Redis three times as much"
    else:
        assert envelope["properties"]["delivery_tag"].encode() == tag


@pytest.mark.parametrize("eta", [
    lambda: iso(1), lambda: iso(1).replace("+00:00", "Z"), lambda: iso(1).replace("+00:00", ""),
    lambda: iso(1, datetime.timezone(datetime.timedelta(hours=5, minutes=30)))],
    ids=["aware", "Z", "naive", "offset"])
def test_a_task_does_not_start_before_its_eta(worker, broker, redis_server, producer, eta):
    due = time.time() + 1
    message = wire.envelope("demo.add", (1, 2), headers={"eta": eta()})
    wire.push(broker, message)
    assert producer.get(message["headers"]["id"])["value"] == 3
    meta = json.loads(broker.get("celery-task-meta-" + message["headers"]["id"]))
    assert datetime.datetime.fromisoformat(meta["date_done"]).timestamp() >= due - 0.05
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"))


def test_an_eta_in_the_past_starts_at_once(worker, producer):
    id = producer.send("demo.add", 1, 2, _options={"eta": "2001-01-01T00:00:00+00:00"})
    assert producer.get(id)["value"] == 3


def test_etas_are_kept_in_their_own_order(worker, broker, producer):
    ids = [producer.send("demo.echo", n, _options={"countdown": delay})
           for n, delay in enumerate([1.2, 0.9, 0.6, 0.3])]
    for id in ids:
        producer.get(id)
    done = [json.loads(broker.get(f"celery-task-meta-{id}"))["date_done"] for id in ids]
    assert done == sorted(done, reverse=True)


def test_waiting_for_an_eta_keeps_no_other_task_from_running(start, producer):
    start(concurrency=1, options=["--prefetch-multiplier", "1"])
    for _ in range(50):
        producer.send("demo.add", 1, 1, _options={"countdown": 3600})
    assert producer.get(producer.send("demo.add", 2, 2))["value"] == 4


def test_an_expired_task_is_revoked(pair_default):
    outcome = pair_default.same("demo.add", 1, 1, _options={"expires": "2001-01-01T00:00:00+00:00"})
    assert outcome.meta["status"] == "REVOKED"
    assert outcome.got["raised"] == "TaskRevokedError"


def test_a_task_that_expires_while_it_waits_is_revoked(worker, producer, redis_server):
    id = producer.send("demo.add", 1, 1, _options={"countdown": 1, "expires": iso(0.3)})
    assert producer.get(id)["raised"] == "TaskRevokedError"
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"))


def test_a_task_that_has_not_expired_runs(pair_default):
    outcome = pair_default.same("demo.add", 1, 1, _options={"expires": 3600})
    assert outcome.meta["status"] == "SUCCESS"
