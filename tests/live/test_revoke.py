# SPDX-License-Identifier: Apache-2.0
"""Revoked tasks do not run. The state file says which ones: petiole's as a test writes it,
a Python worker's as Celery's own classes write it."""

import datetime
import json
import os
import time
import uuid

import pytest

from actors import meta as metas
from actors import wire
from actors.statedb import write_state

def stored(broker, id):
    raw = broker.get(f"celery-task-meta-{id}")
    return raw and json.loads(raw)


def until_revoked(redis_server, id):
    return redis_server.until(lambda r: stored(r, id), what="a result")


def test_what_the_state_file_revokes_is_discarded_as_a_python_worker_does(
        stage, clients, kind):
    """The same message on both: the meta, the log and the keys are the same."""
    found = []
    for each in (kind, "new"):
        server, id = stage.redis(), str(uuid.uuid4())
        worker = stage.worker(each, server, options=["--statedb", write_state(stage, each, [id])])
        client = server.client()
        wire.push(client, wire.envelope("demo.add", (1, 2), id=id))
        meta = server.until(lambda r, id=id: stored(r, id), what="REVOKED")
        worker.wait_line(rf"INFO/MainProcess\] Discarding revoked task: demo.add\[{id}\]$")
        server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
        found.append(metas.comparable(meta))
    assert found[0]["status"] == "REVOKED" and found[0]["result"]["exc_message"] == ["revoked"]
    assert not metas.differences(*found)


@pytest.mark.petiole_only
@pytest.mark.parametrize("late", [False, True])
def test_the_rest_of_the_queue_runs(stage, start, broker, producer, redis_server, late):
    ids = [str(uuid.uuid4()) for _ in range(20)]
    start(config={"task_acks_late": late}, options=["-S", write_state(stage, "petiole", ids[::2])])
    for id in ids:
        producer.send("demo.echo", id, _options={"task_id": id})
    for id in ids[1::2]:
        assert producer.get(id)["value"] == id
    assert {until_revoked(redis_server, id)["status"] for id in ids[::2]} == {"REVOKED"}
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))


@pytest.mark.petiole_only
def test_a_stamp_in_the_state_file_revokes_what_carries_it(stage, start, broker, redis_server):
    worker = start(options=["--statedb", write_state(stage, "petiole", stamps=[["who", "me"], ["n", 7]])])
    for stamps, shown in (({"who": "me"}, "{'who': 'me'}"), ({"a": 1, "n": [6, 7]}, "{'n': 7}")):
        message = wire.envelope("demo.add", (1, 2), headers={
            "stamped_headers": list(stamps), "stamps": stamps})
        wire.push(broker, message)
        id = message["headers"]["id"]
        assert until_revoked(redis_server, id)["result"]["exc_message"] == ["revoked"]
        worker.wait_line(rf"Discarding revoked task: demo.add\[{id}\] \(revoked by header: "
                         + shown.replace("{", r"\{").replace("}", r"\}") + r"\)$")
    for stamps in ({"who": "you"}, {"n": "7"}, {}):
        message = wire.envelope("demo.add", (1, 2), headers={
            "stamped_headers": list(stamps), "stamps": stamps})
        wire.push(broker, message)
        assert until_revoked(redis_server, message["headers"]["id"])["result"] == 3


@pytest.mark.petiole_only
def test_a_revoked_task_with_an_eta_is_discarded_at_once(stage, start, producer, redis_server):
    id = str(uuid.uuid4())
    start(options=["--statedb", write_state(stage, "petiole", [id])])
    producer.send("demo.add", 1, 1, _options={"task_id": id, "countdown": 3600})
    assert until_revoked(redis_server, id)["status"] == "REVOKED"


def read_state(path):
    with open(path) as f:
        return json.load(f)


def iso(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


@pytest.mark.petiole_only
def test_an_expired_task_is_remembered_as_revoked_when_the_worker_stops(stage, start, producer, redis_server):
    path = write_state(stage, "petiole", ["kept"], [["who", "me"]], clock=4711)
    worker = start(options=["--statedb", path])
    id = producer.send("demo.add", 1, 1, _options={"expires": iso(-10)})
    assert until_revoked(redis_server, id)["result"]["exc_message"] == ["expired"]
    assert worker.stop() == 0
    state = read_state(path)
    assert list(state["revoked"]) == ["kept", id]
    assert abs(state["revoked"][id] - time.time()) < 60
    assert state["clock"] >= 4711 and state["revoked_stamps"][0][:2] == ["who", "me"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    worker = start(options=["--statedb", path])
    producer.send("demo.add", 1, 1, _options={"task_id": id})
    worker.wait_line(rf"Discarding revoked task: demo.add\[{id}\]")


@pytest.mark.petiole_only
@pytest.mark.parametrize("damage", ["", "{", "[1]", "\0\1\2", '{"petiole_state": 9}'])
def test_a_damaged_state_file_is_set_aside_and_costs_one_line(stage, start, producer, damage):
    path = stage.path("state")
    with open(path, "w") as f:
        f.write(damage)
    worker = start(options=["--statedb", path])
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert worker.count(rf"ERROR.*cannot use the state file {path}: .*kept as {path}.damaged") == 1
    with open(path + ".damaged") as f:
        assert f.read() == damage
    assert worker.stop() == 0
    assert read_state(path)["revoked"] == {}


@pytest.mark.petiole_only
def test_ten_thousand_revoked_tasks_are_gone_quickly(stage, start, broker, producer, redis_server):
    ids = [str(uuid.uuid4()) for _ in range(10000)]
    pipe = broker.pipeline()
    for id in ids:
        pipe.lpush("celery", json.dumps(wire.envelope("demo.add", (1, 2), id=id)))
    pipe.execute()
    start(loglevel="WARNING", ready=False, options=["--statedb", write_state(stage, "petiole", ids)])
    assert producer.get(producer.send("demo.add", 2, 2), timeout=30)["value"] == 4
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    values = broker.mget([f"celery-task-meta-{id}" for id in ids])
    assert {json.loads(v)["status"] for v in values} == {"REVOKED"}


@pytest.mark.petiole_only
def test_no_more_are_remembered_than_celery_would(stage, start, producer, redis_server):
    path = write_state(stage, "petiole", [f"id{n}" for n in range(20)])
    worker = start(options=["--statedb", path], env={"CELERY_WORKER_REVOKES_MAX": "5"})
    assert producer.get(producer.send("demo.add", 1, 1, _options={"task_id": "id14"}))["value"] == 2
    producer.send("demo.add", 1, 1, _options={"task_id": "id15"})
    assert until_revoked(redis_server, "id15")["status"] == "REVOKED"
    assert worker.stop() == 0
    assert list(read_state(path)["revoked"]) == [f"id{n}" for n in range(15, 20)]
