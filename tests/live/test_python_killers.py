# SPDX-License-Identifier: Apache-2.0
"""Messages and tasks that end a Python worker, lose its messages or fool it: here each
costs itself, is told of, and the next one runs."""

import json

import pytest

from actors import wire

pytestmark = pytest.mark.petiole_only

EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def without(*names, of=None):
    message = wire.envelope()
    for name in names:
        del (message[of] if of else message)[name]
    return message


# name: (message, what becomes of it: its result's status, or "dead")
KILLERS = {
    "no id": (wire.envelope(drop=["id"]), "dead"),
    "an id that is null": (wire.envelope(headers={"id": None}), "dead"),
    "a body of two items": (wire.envelope(body="[[1, 2], {}]"), "FAILURE"),
    "a body of four items": (wire.envelope(body=json.dumps([[1, 2], {}, EMBED, 4])), "FAILURE"),
    "a body that is null": (wire.envelope(body="null"), "FAILURE"),
    "no properties": (without("properties"), None),
    "no delivery tag": (without("delivery_tag", of="properties"), "SUCCESS"),
    "no delivery info": (without("delivery_info", of="properties"), "SUCCESS"),
    "properties that are a list": ({**wire.envelope(), "properties": []}, None),
    "delivery info that is a text": (wire.envelope(properties={"delivery_info": "celery"}), None),
    "garbage": ("garbage", "dead"),
    "a number": ("17", "dead"),
    "kwargs that are a list": (wire.envelope(body=json.dumps([[1, 2], [], EMBED])), "FAILURE"),
    "kwargs that are a text": (wire.envelope(body=json.dumps([[1, 2], "x", EMBED])), "FAILURE"),
    "a task that calls exit": (wire.envelope("demo.crash", ("exit",)), "FAILURE"),
}


@pytest.mark.parametrize("name", KILLERS)
def test_it_costs_itself_and_the_next_one_runs(start, broker, producer, redis_server, name):
    message, fate = KILLERS[name]
    wire.push(broker, message)
    worker = start()
    worker.tolerate("Can't decode message body")
    pid = worker.pid
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    id = message["headers"].get("id") if isinstance(message, dict) else None
    key = f"celery-task-meta-{id}"
    redis_server.until(lambda r: r.llen("petiole.dead") or r.exists(key), what="its fate")
    if fate == "dead":
        assert json.loads(broker.lindex("petiole.dead", 0))["reason"]
    elif fate:
        assert json.loads(broker.get(key))["status"] == fate
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.running() and worker.pid == pid
    assert worker.stop() == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("value", ["string", "hash", "set"])
def test_a_queue_key_of_another_kind_is_said_and_healed(start, broker, redis_server, producer, value):
    """As soon as it is a list again the worker goes on by itself."""
    {"string": lambda: broker.set("celery", "x"), "hash": lambda: broker.hset("celery", "a", "b"),
     "set": lambda: broker.sadd("celery", "a")}[value]()
    worker = start(ready=False)
    worker.tolerate("CRITICAL")
    worker.wait_line("WRONGTYPE|wrong kind")
    broker.delete("celery")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.running()


@pytest.mark.timeout(60)
def test_a_queue_key_that_becomes_a_string_while_it_is_waited_for(start, broker, producer):
    worker = start()
    worker.tolerate("CRITICAL")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    broker.set("celery", "a string")
    worker.wait_line("WRONGTYPE|wrong kind", 30)
    broker.delete("celery")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.count("WRONGTYPE|wrong kind") < 40
