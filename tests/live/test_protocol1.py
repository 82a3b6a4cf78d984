# SPDX-License-Identifier: Apache-2.0
"""Messages of protocol version 1, which say everything in their body, and hybrids: they
go the ordinary way, and what is not run is put back as it came."""

import datetime
import json
import uuid

import pytest

from actors import wire


LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


def later(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def version1(task="demo.add", args=(2, 3), **fields):
    """(id, envelope) of a message as Celery 3 sent it."""
    id = str(uuid.uuid4())
    body = {"task": task, "id": id, "args": list(args), "kwargs": {}, "group": None, "retries": 0,
            "eta": None, "expires": None, "utc": True, "callbacks": None, "errbacks": None,
            "timelimit": [None, None], "taskset": None, "chord": None, **fields}
    message = wire.envelope(id=id, body=json.dumps(body))
    message["headers"] = {}
    return id, message


@pytest.fixture
def pair_version1(pair_default):
    """Both workers, and a producer configured for version 1."""
    sides = pair_default.ours, pair_default.theirs
    for side in sides:
        side.conf = {"task_protocol": 1}
    yield pair_default
    for side in sides:
        side.conf = {}


def test_real_producers_are_served(pair_version1):
    outcome = pair_version1.same("demo.add", 2, 3)
    assert outcome.got["value"] == 5


def test_a_failure_is_stored_alike(pair_version1):
    outcome = pair_version1.same("demo.fail", "ValueError", "no")
    assert outcome.got["raised"] == "ValueError"


def test_a_retry_goes_on_as_version_2(pair_version1):
    """As a Python worker's retry does, whatever its producer sent."""
    outcome = pair_version1.same("demo.retry", 1, 0.2)
    assert [m["status"] for m in outcome.published] == ["RETRY", "SUCCESS"]


def test_an_expired_one_is_revoked(pair_version1):
    outcome = pair_version1.same("demo.add", 2, 3, _options={"expires": LONG_AGO})
    assert outcome.got["state"] == "REVOKED"


@pytest.mark.petiole_only
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_an_eta_is_kept_and_the_message_held_as_it_came(start, broker, producer, redis_server, compression):
    producer.connect(redis_server.url(), redis_server.url(), task_protocol=1)
    id = producer.send("demo.add", 2, 3, _options={"countdown": 1.5, "compression": compression})
    [raw] = broker.lrange("celery", 0, -1)
    worker = start(loglevel="DEBUG")
    worker.wait_line(rf"{id}: given -> waiting")
    [held] = broker.hvals("unacked")
    assert json.loads(held)[0] == json.loads(raw)
    assert producer.get(id)["value"] == 5


@pytest.mark.petiole_only
def test_the_limits_of_the_body_hold(start, broker, producer):
    id, message = version1("demo.sleep", (30,), timelimit=[0.3, None])
    wire.push(broker, message)
    worker = start()
    worker.tolerate("Hard time limit|TimeLimitExceeded|exited with")
    assert producer.get(id)["raised"] == "TimeLimitExceeded"


@pytest.mark.petiole_only
def test_an_unknown_task_is_put_back_untouched(start, broker):
    id, message = version1("nobody.has.it")
    raw = wire.push(broker, message)
    worker = start()
    worker.tolerate("unregistered task")
    worker.wait_line("unregistered task of type 'nobody.has.it'")
    assert worker.stop() == 0
    assert broker.lrange("celery", 0, -1) == [raw]


@pytest.mark.petiole_only
def test_a_hybrid_runs_by_its_headers(start, broker, producer):
    id, message = version1("demo.sleep", (7, 8))
    message["headers"] = {"task": "demo.add", "id": id}
    wire.push(broker, message)
    start()
    assert producer.get(id)["value"] == 15


@pytest.mark.petiole_only
def test_what_only_the_body_of_a_hybrid_says_holds_too(start, broker, producer):
    id, message = version1(expires=later(-5))
    message["headers"] = {"task": "demo.add", "id": id}
    wire.push(broker, message)
    start()
    assert producer.get(id)["state"] == "REVOKED"


@pytest.mark.petiole_only
@pytest.mark.parametrize("fields, reason", [
    ({"kwargs": [1]}, "kwargs is not a mapping but a list"),
    ({"id": None}, "no header 'id'"),
    ({"eta": "soon"}, "header 'eta' is not an ISO 8601 time"),
    ({"task": 5}, "header 'task' is not a string"),
], ids=["kwargs", "id", "eta", "task"])
def test_what_is_wrong_with_one_is_said_and_the_message_kept(
        start, broker, producer, redis_server, fields, reason):
    _, message = version1(**fields)
    raw = wire.push(broker, message)
    worker = start()
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    letter = json.loads(letter)
    assert reason in letter["reason"]
    assert letter["message"].encode() == raw
    worker.wait_line("Received invalid task message", 5)
    assert worker.stop() == 0
    assert not broker.exists("celery", "unacked", "unacked_index")


@pytest.mark.petiole_only
def test_retries_of_a_version_1_message_are_published_as_version_2(start, broker, producer, redis_server):
    id, message = version1("demo.retry", (1, 3600))
    wire.push(broker, message)
    start()

    def held(client):
        for raw in client.hvals("unacked"):
            found, body = wire.decoded(raw)
            if found["headers"].get("retries") == 1:
                return found, body

    found, body = redis_server.until(held, what="a held retry")
    assert body == [[1, 3600], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    assert found["headers"]["id"] == id and found["content-type"] == "application/json"
