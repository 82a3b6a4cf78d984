# SPDX-License-Identifier: Apache-2.0
"""`celery control …` of Celery 5.3.4 and the newest, sent to petiole and to a Python worker:
they answer the same, and what was asked for happens."""

import json
import os
import re
import signal
import uuid

import pytest

from actors.inspecting import run_all
from actors.stage import Stage
from actors.worker import PYTHON

HERE = ["-d", "w1@h1", "-t", "10"]
CONFIG = {"worker_pool_restarts": True}

# In this order, on one worker each.
SAME = [
    ["add_consumer", "q2"], ["add_consumer", "q2"],
    ["add_consumer", "q3", "x3", "topic", "a.#"],
    ["cancel_consumer", "q2"], ["cancel_consumer", "never"],
    ["enable_events"], ["enable_events"], ["disable_events"], ["disable_events"],
    ["heartbeat"],
    ["rate_limit", "demo.echo", "10/m"], ["rate_limit", "demo.echo", "0"],
    ["rate_limit", "demo.echo", ""], ["rate_limit", "demo.echo", "x/m"],
    ["rate_limit", "demo.echo", "1/d"], ["rate_limit", "nothing", "1/s"],
    ["time_limit", "demo.echo", "10", "20"], ["time_limit", "nothing", "1", "2"],
    ["pool_grow", "1"], ["pool_shrink", "1"],
    ["autoscale", "3", "1"],
    ["revoke", "a"], ["terminate", "KILL", "a"], ["terminate", "kill", "a"], ["terminate", "FOO", "a"],
    ["revoke_by_stamped_headers", "k=v"],
    ["election"],
]




class Party:
    def __init__(self, stage, kind):
        self.server = stage.redis()
        self.worker = stage.worker(kind, self.server, config=CONFIG)


@pytest.fixture(scope="module")
def parties(kind):
    stage = Stage()
    yield [Party(stage, kind), Party(stage, "new")]
    stage.close()


@pytest.mark.parametrize("client", ["old", "new"])
def test_every_command_answers_what_a_python_worker_answers(parties, client):
    ours, theirs = (run_all(PYTHON[client], each.server.url(), [["control", *HERE, *c] for c in SAME])
                    for each in parties)
    for command, mine, other in zip(SAME, ours, theirs):
        assert mine == other, command


BAD = [
    ("rate_limit", {"task_name": "demo.echo", "rate_limit": [1]}),
    ("rate_limit", {"task_name": "demo.echo"}),
    ("pool_grow", {"n": "2"}), ("pool_grow", {"n": 1.5}),
    ("add_consumer", {}), ("cancel_consumer", {}),
    ("autoscale", {"surprise": 1}),
    ("revoke", {"task_id": 5}), ("revoke", {"task_id": [[]]}), ("revoke", {}),
    ("revoke", {"task_id": "a", "terminate": True, "signal": {"a": 1}}),
    ("terminate", {"task_id": "a"}),
    ("revoke_by_stamped_headers", {"headers": "k"}), ("revoke_by_stamped_headers", {"headers": [1]}),
    ("revoke_by_stamped_headers", {"headers": ["k"]}),
    ("hello", {}), ("hello", {"from_node": "w9@h", "revoked": 5}),
]


@pytest.mark.parametrize("method, arguments", BAD, ids=lambda v: v if isinstance(v, str) else json.dumps(v))
def test_arguments_of_the_wrong_kind_are_refused_alike(parties, clients, method, arguments):
    answers = []
    for each in parties:
        clients["new"].connect(each.server.url(), each.server.url())
        answers.append(clients["new"].broadcast(method, arguments=arguments, limit=1, timeout=10))
    assert answers[0] == answers[1] and "error" in answers[0][0]["w1@h1"]


# ---- what comes of it ------------------------------------------------------------------


@pytest.fixture
def ask(clients, redis_server):
    """ask(method, **arguments): what the only worker answers."""
    client = clients["new"]
    client.connect(redis_server.url(), redis_server.url())

    def broadcast(method, **arguments):
        replies = client.broadcast(method, arguments=arguments, limit=1, timeout=10)
        assert len(replies) == 1, f"{method} was answered {len(replies)} times"
        return next(iter(replies[0].values()))

    return broadcast


def children(ask):
    return ask("stats")["pool"]["processes"]


def until(redis_server, condition, what):
    return redis_server.until(lambda r: condition(), what=what)


def meta(broker, id):
    raw = broker.get(f"celery-task-meta-{id}")
    return raw and json.loads(raw)


def test_the_pool_grows_and_shrinks(start, ask, redis_server):
    start(concurrency=2)
    before = children(ask)
    assert ask("pool_grow", n=2) == {"ok": "pool will grow"}
    until(redis_server, lambda: len(children(ask)) == 4, "four children")
    assert ask("pool_shrink", n=3) == {"ok": "pool will shrink"}
    until(redis_server, lambda: len(children(ask)) == 1, "one child")
    assert len(before) == 2


@pytest.mark.petiole_only
def test_busy_children_are_not_taken_away(start, ask, producer, redis_server):
    start(concurrency=1)
    producer.send("demo.sleep", 30)
    until(redis_server, lambda: ask("active"), "a task that runs")
    assert ask("pool_shrink", n=1) == {"error": 'ValueError("Can\'t shrink pool. All processes busy!")'}


@pytest.mark.petiole_only
def test_a_restart_replaces_idle_children_at_once_and_busy_ones_when_they_end(
        start, ask, producer, redis_server):
    worker = start(concurrency=2, config=CONFIG)
    before = set(children(ask))
    id = producer.send("demo.sleep", 1.5)
    until(redis_server, lambda: ask("active"), "a task that runs")
    busy = ask("active")[0]["worker_pid"]
    assert ask("pool_restart") == {"ok": "reload started"}
    until(redis_server, lambda: not set(children(ask)) & (before - {busy}), "idle ones replaced")
    assert producer.get(id)["value"] == 1.5
    until(redis_server, lambda: len(children(ask)) == 2 and not set(children(ask)) & before,
          "all replaced")
    assert producer.get(producer.send("demo.add", 1, 2))["value"] == 3
    assert worker.running()


@pytest.mark.petiole_only
def test_without_the_setting_the_pool_is_not_restarted(start, ask):
    start()
    assert ask("pool_restart") == {"error": "ValueError('Pool restarts not enabled')"}


@pytest.mark.petiole_only
def test_the_autoscaler_takes_new_bounds(start, ask, redis_server):
    start(options=["--autoscale", "4,1"])
    assert ask("autoscale", max=6, min=3) == {"ok": "autoscale now max=6 min=3"}
    until(redis_server, lambda: len(children(ask)) == 3, "three children")
    assert ask("pool_grow") == {
        "error": "pool_grow is not supported with autoscale. Adjust autoscale range instead."}
    scaler = ask("stats")["autoscaler"]
    assert (scaler["max"], scaler["min"]) == (6, 3)


def test_a_queue_is_taken_from_and_left_again(start, ask, producer, broker, redis_server):
    worker = start()
    id = producer.send("demo.add", 1, 2, _options={"queue": "later"})
    added = ask("add_consumer", queue="later")
    assert added == {"ok": "add consumer later"}
    assert producer.get(id)["value"] == 3
    worker.wait_line("Started consuming from later")
    assert [q["name"] for q in ask("active_queues")] == ["celery", "later"]
    assert ask("cancel_consumer", queue="later") == {"ok": "no longer consuming from later"}
    worker.wait_line("Canceling queue later")
    until(redis_server, lambda: [q["name"] for q in ask("active_queues")] == ["celery"], "one queue")
    producer.send("demo.add", 1, 2, _options={"queue": "later"})
    assert producer.get(producer.send("demo.add", 3, 4))["value"] == 7
    assert broker.llen("later") == 1


@pytest.mark.petiole_only
def test_a_queue_that_comes_and_goes_loses_and_repeats_nothing(start, ask, producer, broker):
    """Messages arrive all the while, at every priority, and the idle worker waits for them."""
    worker = start(options=["--without-mingle"])
    ids = []
    for round in range(12):
        ask("add_consumer" if round % 2 == 0 else "cancel_consumer", queue="later")
        ids += [producer.send("demo.echo", len(ids) + n, _options={"queue": "later", "priority": p})
                for n, p in enumerate((0, 3, 6, 9))]
    ask("add_consumer", queue="later")
    assert [producer.get(id)["value"] for id in ids] == list(range(len(ids)))
    assert worker.count(r"Task demo.echo\[.*\] received") == len(ids)
    assert worker.stop() == 0
    assert not broker.exists("unacked", "unacked_index", "petiole.dead")


@pytest.mark.petiole_only
def test_a_rate_limit_holds_and_is_lifted_for_what_waits(start, ask, producer):
    start()
    assert "ok" in ask("rate_limit", task_name="demo.echo", rate_limit="1/h")
    assert "demo.echo [rate_limit=1/h]" in ask("registered")
    ids = [producer.send("demo.echo", n) for n in range(4)]
    assert producer.get(ids[0])["value"] == 0
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert producer.look(ids[1])["state"] == "PENDING"
    assert ask("rate_limit", task_name="demo.echo", rate_limit=0) == {"ok": "rate limit disabled successfully"}
    assert [producer.get(id)["value"] for id in ids[1:]] == [1, 2, 3]


def test_a_time_limit_ends_what_starts_from_then_on(start, ask, producer, broker, redis_server):
    start()
    assert ask("time_limit", task_name="demo.sleep", hard=1) == {"ok": "time limits set successfully"}
    id = producer.send("demo.sleep", 60)
    found = until(redis_server, lambda: meta(broker, id), "a result")
    assert found["result"]["exc_type"] == "TimeLimitExceeded"


@pytest.mark.parametrize("how", [{"terminate": True}, {"terminate": True, "signal": "KILL"}])
def test_a_task_that_runs_is_terminated(start, ask, producer, broker, redis_server, how):
    worker = start()
    id = producer.send("demo.sleep", 60)
    until(redis_server, lambda: ask("active"), "a task that runs")
    assert ask("revoke", task_id=id, **how) == {"ok": f"terminate: {id}"}
    found = until(redis_server, lambda: meta(broker, id), "a result")
    assert found["status"] == "REVOKED" and found["result"]["exc_message"] == ["terminated"]
    worker.wait_line(rf"Terminating {id} \({9 if 'signal' in how else 15}\)")


def test_the_command_terminate_sends_a_signal(start, ask, producer, broker, redis_server):
    start()
    id = producer.send("demo.sleep", 60)
    until(redis_server, lambda: ask("active"), "a task that runs")
    assert ask("terminate", task_id=[id], signal="SIGKILL") == {"ok": f"terminate: {id}"}
    assert until(redis_server, lambda: meta(broker, id), "a result")["status"] == "REVOKED"


@pytest.mark.petiole_only
def test_what_waits_is_revoked_at_once(start, ask, producer, broker, redis_server):
    """Three ways to wait: for a time, for a rate, for a child."""
    start(concurrency=1, config={"task_annotations": {"demo.echo": {"rate_limit": "1/h"}}})
    producer.get(producer.send("demo.echo", 0))
    producer.get(producer.send("demo.sleep", 0.1))  # after it nothing waits in the child itself
    ids = [producer.send("demo.add", 1, 1, _options={"countdown": 3600}), producer.send("demo.echo", 1)]
    producer.send("demo.sleep", 30)
    until(redis_server, lambda: ask("active"), "a task that runs")
    ids.append(producer.send("demo.add", 2, 2))
    until(redis_server, lambda: broker.llen("celery") == 0, "all taken")
    assert ask("revoke", task_id=ids)["ok"].endswith("flagged as revoked")
    for id in ids:
        assert until(redis_server, lambda id=id: meta(broker, id), "REVOKED")["status"] == "REVOKED"
    assert sorted(ask("revoked")) == sorted(ids)


@pytest.mark.petiole_only
def test_a_stamp_terminates_what_carries_it_and_nothing_else(start, ask, producer, broker, redis_server):
    start()
    marked = producer.send("demo.sleep", 60, _options={
        "headers": {"stamped_headers": ["who"], "stamps": {"who": ["me"]}}, "stamped_headers": ["who"],
        "who": "me"})
    other = producer.send("demo.sleep", 2)
    until(redis_server, lambda: len(ask("active")) == 2, "two tasks that run")
    assert ask("revoke_by_stamped_headers", headers={"who": ["you"]}, terminate=True) == {
        "ok": "headers {'who': ['you']} were not terminated"}
    assert ask("revoke_by_stamped_headers", headers={"who": ["me"]}, terminate=True) == {
        "ok": "headers defaultdict(<class 'set'>, {'who': {'me'}}) revoked"}
    assert until(redis_server, lambda: meta(broker, marked), "REVOKED")["status"] == "REVOKED"
    assert producer.get(other)["value"] == 2


def test_shutdown_lets_what_runs_end(start, clients, producer, redis_server):
    worker = start()
    id = producer.send("demo.sleep", 1)
    worker.wait_line(rf"Task demo.sleep\[{id}\] received")
    assert clients["new"].broadcast("shutdown", limit=1, timeout=0.3) in ([], None)
    worker.wait_line("Got shutdown from remote")
    assert worker.wait_exit(20) == 0
    assert producer.get(id)["value"] == 1
