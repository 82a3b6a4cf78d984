# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps: what is a time follows it, what is a duration does not notice.
The clock is tests/fault/shifted_clock.c's; Redis and the producer keep the real one."""

import datetime
import json

import pytest

from actors.clock import Clock

pytestmark = pytest.mark.petiole_only


@pytest.fixture
def clock(stage):
    return Clock(stage.path("clock"))


def in_seconds(n):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)).isoformat()


def stored(broker, id):
    raw = broker.get(f"celery-task-meta-{id}")
    return raw and json.loads(raw)["status"]


def test_an_hour_forward_is_noticed_by_what_waits_for_a_time(start, broker, producer, redis_server, clock):
    start(env=clock.environment())
    due = producer.send("demo.add", 1, 1, _options={"eta": in_seconds(1800)})
    later = producer.send("demo.add", 1, 1, _options={"eta": in_seconds(7200)})
    expiring = producer.send("demo.add", 1, 1, _options={"eta": in_seconds(1800), "expires": in_seconds(1900)})
    redis_server.until(lambda r: r.hlen("unacked") == 3)
    clock.set(3600)
    assert producer.get(due, timeout=10)["value"] == 2
    assert producer.get(expiring)["raised"] == "TaskRevokedError"
    assert stored(broker, later) is None and broker.hlen("unacked") == 1


@pytest.mark.parametrize("jump", [3600, -3600])
def test_limits_and_rates_and_leases_are_durations(start, broker, producer, redis_server, clock, jump):
    worker = start(env=clock.environment(), config={
        "task_annotations": {"demo.echo": {"rate_limit": "2/s"}}, "task_acks_late": True,
        "task_track_started": True, "broker_transport_options": {"visibility_timeout": 60}})
    patient = producer.send("demo.sleep", 3, _options={"time_limit": 60, "soft_time_limit": 50})
    doomed = producer.send("demo.sleep", 60, _options={"soft_time_limit": 2})
    redis_server.until(lambda r: stored(r, patient) and stored(r, doomed), what="both run")
    clock.set(jump)
    echoes = [producer.send("demo.echo", n) for n in range(3)]
    assert producer.get(doomed)["raised"] == "SoftTimeLimitExceeded"
    assert producer.get(patient)["value"] == 3
    assert [producer.get(id)["value"] for id in echoes] == [0, 1, 2]
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.count("received") == 5 and not worker.count("lease was lost")


def test_an_hour_back_makes_a_time_come_later_and_nothing_else_wait(start, broker, producer, redis_server, clock):
    start(env=clock.environment())
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    clock.set(-3600)
    waiting = producer.send("demo.add", 1, 1, _options={"countdown": 1})
    assert producer.get(producer.send("demo.add", 2, 2))["value"] == 4
    assert producer.get(producer.send("demo.add", 2, 3, _options={"expires": 5}))["value"] == 5
    assert stored(broker, waiting) is None
    clock.set(0)
    assert producer.get(waiting, timeout=10)["value"] == 2
