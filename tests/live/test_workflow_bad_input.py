# SPDX-License-Identifier: Apache-2.0
"""Workflows that are wrong, each in its own way: one clear line, and it costs its own task,
never the worker and never another message. What a Python worker makes of the same message
stands beside it."""

import json
import re
import uuid

import pytest

from actors import wire

GROUP = "00000000-0000-4000-8000-00000000-group"
LONG = 100_000


def sig(task="demo.echo", *args, subtask_type=None, immutable=False, kwargs=None, **options):
    return {"task": task, "args": list(args), "kwargs": kwargs or {}, "options": options,
            "subtask_type": subtask_type, "immutable": immutable}


def asking_for(task="demo.echo", args=("value",), *, headers=None, **embed):
    """A message for `task` with these callbacks, errbacks, chain or chord."""
    body = [list(args), {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None, **embed}]
    return wire.envelope(task, args, body=json.dumps(body), headers=headers)


def part_of(group, chord, **more):
    return asking_for(chord=chord, headers={"group": group, "group_index": 0}, **more)


def linked_to_itself(times):
    """JSON has no cycles: what links to itself does so as often as it is written down."""
    callback = sig()
    for _ in range(times - 1):
        callback = sig(link=[callback])
    return callback


def elements(n):
    return [sig("demo.add", i, 1, immutable=True, task_id=str(uuid.UUID(int=i))) for i in range(n)]


FAILED, DONE = "FAILURE", "SUCCESS"

# name: (the message, its task's state); a Python worker agrees unless its own follows.
CASES = {
    "a callback that is a string": (asking_for(callbacks=["demo.echo"]), FAILED),
    "a callback that is a number": (asking_for(callbacks=[5]), FAILED),
    "a callback that is a list": (asking_for(callbacks=[[]]), FAILED),
    "a callback that is null": (asking_for(callbacks=[None]), FAILED),
    "a callback without a task": (asking_for(callbacks=[{}]), FAILED),
    "callbacks of which one is a number": (asking_for(callbacks=[sig(), 5]), FAILED),
    "callbacks that are a number": (asking_for(callbacks=5), FAILED),
    "a callback with args that are a map": (asking_for(callbacks=[{**sig(), "args": {"a": 1}}]), FAILED),
    "a callback with kwargs that are a list": (asking_for(callbacks=[{**sig(), "kwargs": [1]}]), FAILED),
    "a callback with options that are a list": (asking_for(callbacks=[{**sig(), "options": [1]}]), FAILED),
    "a callback that is an unknown kind of workflow": (
        asking_for(callbacks=[sig(subtask_type="spiral")]), FAILED),
    "a callback that is a chain without tasks": (
        asking_for(callbacks=[sig("celery.chain", subtask_type="chain")]), FAILED),
    "a callback that is a chain of numbers": (
        asking_for(callbacks=[sig("celery.chain", subtask_type="chain", kwargs={"tasks": [1, 2]})]), FAILED),
    "a callback that is a group without tasks": (
        asking_for(callbacks=[sig("celery.group", subtask_type="group")]), FAILED),
    "a callback that is a group of numbers": (
        asking_for(callbacks=[sig("celery.group", subtask_type="group", kwargs={"tasks": [1, 2]})]), FAILED),
    "a callback that is a chord without a body": (
        asking_for(callbacks=[sig("celery.chord", subtask_type="chord", kwargs={"header": [sig()], "kwargs": {}})]),
        FAILED),
    "a callback that is a chord without a header": (
        asking_for(callbacks=[sig("celery.chord", subtask_type="chord", kwargs={"body": sig(), "kwargs": {}})]),
        FAILED),
    "a chain that is a number": (asking_for(chain=5), FAILED),
    "a chain of numbers": (asking_for(chain=[1, 2]), FAILED),
    "a chain that is an object": (asking_for(chain={"task": "demo.echo"}), FAILED),
    "errbacks that are numbers": (asking_for("demo.fail", ("ValueError", "x"), errbacks=[1, 2]), FAILED),
    "a failure whose chain is of numbers": (asking_for("demo.fail", ("ValueError", "x"), chain=[1, 2]), FAILED),
    "a chord that is a number": (part_of(GROUP, 5), DONE),
    "a chord that is a string": (part_of(GROUP, "demo.echo"), DONE),
    "a chord without a group": (part_of(None, sig()), DONE),
    "a group that is a number": (part_of(5, sig()), DONE),
    "a chord whose size is gone": (part_of(GROUP, sig()), DONE),
    "a group index that is text": (
        asking_for(chord=sig(), headers={"group": GROUP, "group_index": "first"}), DONE),
    "stamps that are a number": (asking_for(headers={"stamped_headers": 5, "stamps": 5}), DONE),
    "stamps that are text": (asking_for(headers={"stamped_headers": "who", "stamps": "who"}), DONE),
    "a callback with stamps that are a number": (asking_for(callbacks=[sig(stamped_headers=5)]), FAILED),
    "a callback with stamps that are text": (asking_for(callbacks=[sig(stamped_headers="who", who=5)]), FAILED),
    "a callback with a countdown that is text": (asking_for(callbacks=[sig(countdown="soon")]), FAILED),
    "a callback with a link that is a number": (asking_for(callbacks=[sig(link=5)]), DONE),
}


# Of these a Python worker dies, or it hands the message over again and again.
PYTHON_DIES = {"stamps that are a number", "a group index that is text", "a chain that is a number",
               "a chain that is an object", "a group that is a number"}


def told_of(worker, id):
    return [line for line in worker.lines if id in line and re.search("ERROR|WARNING|CRITICAL", line)]


def state_on(side, message):
    wire.push(side.broker, message)
    key = f"celery-task-meta-{message['headers']['id']}"
    return json.loads(side.server.until(lambda r: r.get(key), what="a result"))["status"]


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_workflow_costs_its_own_task(start, broker, producer, redis_server, reference, kind, name):
    message, state = CASES[name]
    if kind != "petiole" and name in PYTHON_DIES:
        pytest.skip("a Python worker dies of it")
    id = message["headers"]["id"]
    wire.push(broker, message)
    worker = start()
    assert producer.get(id)["state"] == state
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    if kind == "petiole":
        redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), what="an empty book")
        assert worker.stop() == 0
        told = [line for line in told_of(worker, id) if "ValueError('x')" not in line]  # demo.fail's own
        assert len(told) <= 1 and (told or state == DONE or "demo.fail" in worker.text), told
        assert all(len(line) < 1000 for line in told)
        assert not worker.count("Worker exited|signal|restart")
        if name not in PYTHON_DIES:
            assert state_on(reference({"result_expires": 4000}), message) == state


def link_in(queue, link):
    return [{**link, "options": {**link["options"], "queue": queue}}]


LONG_CHAINS = {
    "that remains": lambda: {"chain": elements(LONG - 1) + link_in("elsewhere", sig())},
    "that is a callback": lambda: {"callbacks": [sig("celery.chain", subtask_type="chain", kwargs={
        "tasks": link_in("elsewhere", sig()) + elements(LONG - 1)})]},
}


@pytest.mark.petiole_only
@pytest.mark.parametrize("name", LONG_CHAINS)
def test_a_chain_of_a_hundred_thousand_goes_on_by_one(start, broker, producer, redis_server, name):
    message = asking_for(**LONG_CHAINS[name]())
    wire.push(broker, message)
    worker = start()
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert producer.get(message["headers"]["id"], timeout=60)["state"] == DONE
    [next] = redis_server.until(lambda r: r.lrange("elsewhere", 0, -1), what="the next link")
    _, body = wire.decoded(next)
    assert body[0] == ["value"] and len(body[2]["chain"]) == LONG - 1
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), what="an empty book")
    assert worker.stop() == 0


@pytest.mark.petiole_only
def test_a_failure_tells_a_hundred_thousand_that_were_to_follow(start, broker, producer, redis_server):
    message = asking_for("demo.fail", ("ValueError", "first"), chain=elements(LONG))
    wire.push(broker, message)
    worker = start(config={"task_acks_late": True})
    assert producer.get(message["headers"]["id"], timeout=60)["state"] == FAILED
    redis_server.until(lambda r: r.dbsize() > LONG, 60, what="a result for each")
    assert producer.get(producer.send("demo.add", 2, 3), timeout=60)["value"] == 5
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), what="an empty book")
    last = json.loads(broker.get(f"celery-task-meta-{uuid.UUID(int=0)}"))
    assert last["status"] == FAILED and last["result"]["exc_message"] == ["first"]
    assert worker.stop() == 0


def test_a_link_to_a_queue_that_does_not_exist_fails_the_task(start, broker, producer, redis_server):
    message = asking_for(callbacks=link_in("nowhere", sig()))
    wire.push(broker, message)
    worker = start(config={"task_create_missing_queues": False})
    got = producer.get(message["headers"]["id"])
    assert got["raised"] == "QueueNotFound" and "nowhere" in got["text"]
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert not broker.exists("nowhere")
    assert worker.running()


def test_a_callback_that_links_to_itself_runs_as_often_as_it_is_written(start, broker, redis_server):
    times = 40
    message = asking_for(callbacks=[linked_to_itself(times)])
    wire.push(broker, message)
    worker = start()
    redis_server.until(lambda r: len(r.keys("celery-task-meta-*")) == times + 1, what="a result of each")
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0
    assert worker.count(r"demo.echo\[.*succeeded") == times + 1


def test_a_callback_with_its_own_callers_id_runs_once(start, broker, redis_server):
    message = asking_for()
    id = message["headers"]["id"]
    message = {**asking_for(callbacks=[sig(task_id=id)], headers={"id": id})}
    wire.push(broker, message)
    worker = start()
    redis_server.until(lambda r: worker.count(r"demo.echo\[.*succeeded") == 2, what="the callback's end")
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0
    assert worker.count(r"demo.echo\[.*succeeded") == 2


@pytest.mark.petiole_only
def test_a_callback_nested_deeper_than_json_is_read_is_a_dead_letter(start, broker, producer, redis_server):
    depth = 20_000
    one = '{"task": "demo.echo", "args": [], "kwargs": {}, "subtask_type": null, "immutable": false, "options": {'
    callback = (one + '"link": [') * depth + one + "}}" + "]}}" * depth
    message = wire.envelope("demo.echo", ("value",), body=f'[["value"], {{}}, {{"callbacks": [{callback}], '
                            '"errbacks": null, "chain": null, "chord": null}]')
    wire.push(broker, message)
    worker = start()
    worker.tolerate("Can't decode message body")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    assert re.search("deep|nest", json.loads(letter)["reason"])
    assert worker.stop() == 0


@pytest.mark.petiole_only
def test_a_chord_whose_results_exceed_a_message_fails_in_words(start, producer, redis_server):
    worker = start(config={"message_max_bytes": 1_000_000})
    id = producer.canvas("chord([s('demo.echo', 'x' * 200_000) for _ in range(8)], s('demo.echo'))")
    got = producer.get(id)
    assert got["state"] == FAILED and got["raised"] == "ChordError" and "message_max_bytes" in got["text"]
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0
    assert worker.count("message_max_bytes") == 1


@pytest.mark.parametrize("body", [sig("nobody.knows.it"), sig("")], ids=["unknown", "without a name"])
def test_a_chord_whose_body_is_unknown_has_done_its_parts(start, broker, producer, redis_server, body):
    """What nobody knows waits for somebody who does, as any unknown task."""
    broker.set(f"celery-taskset-meta-{GROUP}.s", 1)
    message = part_of(GROUP, body)
    wire.push(broker, message)
    worker = start()
    assert producer.get(message["headers"]["id"])["state"] == DONE
    worker.wait_line("nobody.knows.it|unregistered|unknown|task" if body["task"] else ".")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.stop() == 0
