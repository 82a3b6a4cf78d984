# SPDX-License-Identifier: Apache-2.0
"""Outcomes that no handler returned: revoked, expired, killed, past a limit, unregistered, or
stored before the message was delivered again. What follows from them follows."""

import json
import signal
import time
import uuid

import pytest

from actors import wire

pytestmark = pytest.mark.petiole_only

EXPIRED = {"expires": "2020-01-01T00:00:00+00:00"}


def signature(task, id, *args, **options):
    return {"task": task, "args": list(args), "kwargs": {}, "subtask_type": None, "immutable": False,
            "options": {"task_id": id, "queue": "elsewhere", **options}}


def message(task, args, id, headers=None, *, redelivered=False, **embed):
    body = json.dumps([list(args), {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None, **embed}])
    info = {"exchange": "", "routing_key": "celery", **({"redelivered": True} if redelivered else {})}
    return wire.envelope(task, args, id=id, body=body, headers=headers, properties={"delivery_info": info})


def part(task, args, id, group, headers=None, **chord):
    """The only part of a chord whose body stays in `elsewhere`."""
    return message(task, args, id, {"group": group, "group_index": 0, **(headers or {})},
                   chord=signature("the.body", "body", **chord))


def elsewhere(redis_server, n=1):
    """What was published, as (task, args, id), the oldest first."""
    redis_server.until(lambda r: r.llen("elsewhere") >= n, what=f"{n} message(s) elsewhere")
    found = [wire.decoded(raw) for raw in reversed(redis_server.client().lrange("elsewhere", 0, -1))]
    return [(m["headers"]["task"], body[0], m["headers"]["id"]) for m, body in found]


def meta(redis_server, id):
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what=f"a result of {id}")
    return json.loads(redis_server.client().get(f"celery-task-meta-{id}"))


def until_settled(redis_server):
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), what="all is settled")


def write_state(stage, *ids):
    path = stage.path(f"state-{uuid.uuid4()}")
    with open(path, "w") as f:
        json.dump({"petiole_state": 1, "clock": 0, "revoked": {id: time.time() for id in ids},
                   "revoked_stamps": []}, f)
    return path


def errors(id="failed"):
    return [signature("on.error", f"error-of-{id}")]


@pytest.mark.parametrize("late", [False, True])
def test_an_expired_element_ends_its_chain(start, broker, redis_server, late):
    start(config={"task_acks_late": late})
    wire.push(broker, message("demo.add", (1, 2), "first", EXPIRED,
                              chain=[signature("demo.add", "third", 1), signature("demo.add", "second", 1)]))
    assert {meta(redis_server, id)["status"] for id in ("first", "second", "third")} == {"REVOKED"}
    until_settled(redis_server)
    assert not broker.exists("elsewhere")


@pytest.mark.parametrize("late", [False, True])
def test_a_revoked_part_fails_its_chord(stage, start, broker, redis_server, late):
    broker.set("celery-taskset-meta-gid.s", 1)
    start(config={"task_acks_late": late}, options=["-S", write_state(stage, "part")])
    wire.push(broker, part("demo.add", (1, 2), "part", "gid", link_error=errors("body")))
    assert elsewhere(redis_server) == [("on.error", ["body"], "error-of-body")]
    assert meta(redis_server, "part")["status"] == "REVOKED"
    assert meta(redis_server, "body")["result"]["exc_type"] == "ChordError"
    until_settled(redis_server)


@pytest.mark.parametrize("late", [False, True])
def test_a_child_that_dies_calls_the_errbacks(start, broker, redis_server, late):
    worker = start(config={"task_acks_late": late})
    wire.push(broker, message("demo.crash", ("abort",), "failed", errbacks=errors(),
                              chain=[signature("demo.add", "second", 1)]))
    assert elsewhere(redis_server) == [("on.error", ["failed"], "error-of-failed")]
    assert meta(redis_server, "failed")["result"]["exc_type"] == "WorkerLostError"
    assert meta(redis_server, "second")["status"] == "FAILURE"
    until_settled(redis_server)
    assert worker.running()


def test_a_hard_limit_calls_the_errbacks(start, broker, redis_server):
    start()
    wire.push(broker, message("demo.sleep", (60,), "failed", {"timelimit": [1, None]}, errbacks=errors()))
    assert elsewhere(redis_server) == [("on.error", ["failed"], "error-of-failed")]
    assert meta(redis_server, "failed")["result"]["exc_type"] == "TimeLimitExceeded"
    until_settled(redis_server)


def test_an_unregistered_task_that_is_rejected_calls_the_errbacks(start, broker, redis_server):
    start(options=["--unknown=reject"])
    wire.push(broker, message("nowhere.known", (), "failed", errbacks=errors()))
    assert elsewhere(redis_server) == [("on.error", ["failed"], "error-of-failed")]
    assert meta(redis_server, "failed")["result"]["exc_type"] == "NotRegistered"
    until_settled(redis_server)


def test_an_unregistered_part_that_nobody_took_fails_its_chord(start, broker, redis_server):
    broker.set("celery-taskset-meta-gid.s", 1)
    start(config={"unknown_task_wait": 1})
    raw = wire.push(broker, part("nowhere.known", (), "part", "gid"))
    redis_server.until(lambda r: r.llen("petiole.dead") == 1, seconds=30)
    assert json.loads(broker.lindex("petiole.dead", 0))["message"].encode("latin-1") == raw
    assert meta(redis_server, "part")["result"]["exc_type"] == "NotRegistered"
    assert meta(redis_server, "body")["result"]["exc_type"] == "ChordError"
    until_settled(redis_server)


def store(broker, id, status, result):
    broker.set(f"celery-task-meta-{id}", json.dumps({
        "status": status, "result": result, "traceback": None, "children": [], "date_done": "2026-01-01T00:00:00+00:00",
        "task_id": id}))


def test_a_result_found_after_a_redelivery_goes_on_in_its_chain(start, broker, redis_server):
    """It is not computed again: the sum says so."""
    store(broker, "first", "SUCCESS", 42)
    start(config={"task_acks_late": True})
    wire.push(broker, message("demo.add", (1, 2), "first", redelivered=True,
                              chain=[signature("the.next", "second")]))
    assert elsewhere(redis_server) == [("the.next", [42], "second")]
    assert meta(redis_server, "first")["result"] == 42
    until_settled(redis_server)


def test_a_failure_found_after_a_redelivery_calls_the_errbacks(start, broker, redis_server):
    store(broker, "failed", "FAILURE", {"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"})
    start(config={"task_acks_late": True})
    wire.push(broker, message("demo.add", (1, 2), "failed", redelivered=True, errbacks=errors(),
                              chain=[signature("the.next", "second")]))
    assert elsewhere(redis_server) == [("on.error", ["failed"], "error-of-failed")]
    assert meta(redis_server, "second")["result"]["exc_type"] == "ValueError"
    until_settled(redis_server)


@pytest.mark.parametrize("late", [False, True])
def test_a_chord_that_is_complete_as_the_worker_stops_is_joined(start, broker, redis_server, late):
    broker.set("celery-taskset-meta-gid.s", 1)
    worker = start(concurrency=1, config={"task_acks_late": late, "task_track_started": True})
    wire.push(broker, part("demo.sleep", (1.0,), "part", "gid"))
    redis_server.until(lambda r: r.exists("celery-task-meta-part"), what="STARTED")
    assert worker.stop(signal.SIGTERM) == 0
    assert [(task, id) for task, _, id in elsewhere(redis_server)] == [("the.body", "body")]
    assert not broker.exists("celery", "unacked", "unacked_index")
