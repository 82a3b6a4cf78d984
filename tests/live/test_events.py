# SPDX-License-Identifier: Apache-2.0
"""What a worker tells, heard by Celery's own EventReceiver of both versions, compared
with a Python worker where that runs the same tasks."""

import json
import os
import re
import signal
import subprocess
import uuid

import pytest

from actors.listener import Listener
from actors.process import Process
from actors.web import Web
from actors.worker import BUILD, PYTHON

COUNTING = str(BUILD / "tests" / "live" / "plugins" / "counting.so")
PAST = "2020-01-01T00:00:00+00:00"
# What differs from run to run, and that a traceback names the source of its own language.
MASKED = ("timestamp", "local_received", "clock", "pid", "runtime", "traceback", "uuid",
          "root_id", "parent_id", "utcoffset")

STORIES = {
    "success": ("demo.add", (2, 3), {}, ["task-succeeded"]),
    "failure": ("demo.fail", ("ValueError", "no"), {}, ["task-failed"]),
    "retry": ("demo.retry", (1, 0), {},
              ["task-retried", "task-received", "task-started", "task-succeeded"]),
    "expiry": ("demo.add", (2, 3), {"expires": PAST}, ["task-revoked"]),
    "rejection": ("demo.reject", (False,), {}, ["task-failed", "task-rejected"]),
}
# Celery tells its own wrapper, ExceptionWithTraceback(), and the time limit twice.
KILLED = {
    "time limit": ("demo.sleep", (60,), {"time_limit": 1}, r"TimeLimitExceeded\(1\)"),
    "lost child": ("demo.crash", ("abort",), {},
                   r"WorkerLostError\('Worker exited prematurely: signal 6 \(SIGABRT\) Job: \d+\.'\)"),
}


def listen(stage, server, version="new"):
    return stage.process(Listener(PYTHON[version], server.url()))


def masked(event):
    """A Python worker writes a retry's arguments anew, as in test_retry.py."""
    hidden = (*MASKED, "args") if event.get("retries") else MASKED
    return {k: "…" if k in hidden and v is not None else v for k, v in event.items()}


def in_order(events):
    """A Python worker may tell of a retry only when the next try has begun."""
    retried = [e for e in events if e["type"] == "task-retried"]
    rest = [e for e in events if e["type"] != "task-retried"]
    return [masked(e) for e in [*rest[:2], *retried, *rest[2:]]]


def told(stage, clients, kind, version, name, args, options, types):
    """What is told of a task until all these were, in order."""
    server, id = stage.redis(), str(uuid.uuid4())
    listener = listen(stage, server, version)
    stage.worker(kind, server, options=["-E"])
    clients[version].connect(server.url(), server.url())
    clients[version].send(name, *args, _options={**options, "task_id": id})
    listener.until(lambda events: set(types) <= {e["type"] for e in events if e.get("uuid") == id})
    return listener.of(id)


@pytest.mark.petiole_only
@pytest.mark.parametrize("story", STORIES)
def test_a_task_s_events_are_a_python_worker_s(stage, clients, kind, version, story):
    name, args, options, types = STORIES[story]
    ours = told(stage, clients, kind, version, name, args, options, types)
    theirs = told(stage, clients, "new", version, name, args, options, types)
    assert [e["clock"] for e in ours] == sorted({e["clock"] for e in ours})
    assert in_order(ours) == in_order(theirs)
    assert [e["type"] for e in ours][-len(types):] == types
    assert all(e["traceback"].startswith("Traceback") for e in ours if "traceback" in e)


@pytest.mark.petiole_only
@pytest.mark.parametrize("story", KILLED)
def test_of_a_killed_child_s_task_its_failure_is_told_once(stage, clients, kind, story):
    name, args, options, exception = KILLED[story]
    ours = told(stage, clients, kind, "new", name, args, options, ["task-failed"])
    assert [e["type"] for e in ours] == ["task-received", "task-started", "task-failed"]
    assert re.fullmatch(exception, ours[-1]["exception"])
    assert ours[-1]["traceback"].startswith("Traceback")


@pytest.mark.petiole_only
def test_of_what_is_ignored_nothing_is_told_but_its_start(stage, start, producer, redis_server):
    listener = listen(stage, redis_server)
    start(options=["-E"])
    ignored = producer.send("demo.ignore")
    producer.get(producer.send("demo.add", 1, 1))
    listener.until_type("task-succeeded")
    assert [e["type"] for e in listener.of(ignored)] == ["task-received", "task-started"]


@pytest.mark.petiole_only
def test_workers_tell_who_they_are_and_when_they_leave(stage, start, redis_server):
    listener = listen(stage, redis_server)
    worker = start(options=["--heartbeat-interval", "1"])
    online = listener.until_type("worker-online")
    listener.until_type("worker-heartbeat", n=2)
    worker.stop()
    offline = listener.until_type("worker-offline")
    fields = {"hostname", "utcoffset", "pid", "clock", "freq", "active", "processed", "loadavg",
              "sw_ident", "sw_ver", "sw_sys", "timestamp", "type", "local_received"}
    assert set(online) == set(offline) == fields
    assert (online["hostname"], online["freq"], online["sw_ident"]) == ("w1@h1", 1.0, "petiole")
    assert online["pid"] == worker.pid and len(online["loadavg"]) == 3
    assert listener.events[-1]["type"] == "worker-offline"


@pytest.mark.petiole_only
def test_without_heartbeat_none_of_these_is_sent(stage, start, producer, redis_server):
    listener = listen(stage, redis_server)
    worker = start(options=["-E", "--without-heartbeat"])
    producer.get(producer.send("demo.add", 1, 1))
    listener.until_type("task-succeeded")
    worker.stop()
    assert not [e for e in listener.events if e["type"].startswith("worker-")]


@pytest.mark.petiole_only
def test_without_e_nothing_is_told_of_tasks_until_a_client_enables_it(
        stage, start, producer, redis_server):
    listener = listen(stage, redis_server)
    start()
    producer.get(producer.send("demo.add", 1, 1))
    listener.until_type("worker-heartbeat")
    assert not [e for e in listener.events if e["type"].startswith("task-")]
    control(redis_server, "enable_events")
    heard = producer.send("demo.add", 1, 1)
    listener.until_type("task-succeeded", uuid=heard)
    control(redis_server, "disable_events")
    beats = len([e for e in listener.events if e["type"] == "worker-heartbeat"])
    unheard = producer.send("demo.add", 1, 1)
    producer.get(unheard)
    listener.until_type("worker-heartbeat", n=beats + 1)
    assert not listener.of(unheard)


def control(server, *command):
    reply = subprocess.run([PYTHON["new"], "-m", "celery", "-b", server.url(), "control", "-j",
                            *command], capture_output=True, text=True, timeout=30, check=True)
    assert "ok" in next(iter(json.loads(reply.stdout)[0].values()) if reply.stdout.startswith("[")
                        else iter(json.loads(reply.stdout).values()))


@pytest.mark.petiole_only
def test_a_spinning_handler_delays_no_heartbeat_nor_does_a_stopped_child(
        stage, start, producer, redis_server):
    listener = listen(stage, redis_server)
    worker = start(options=["-E", "--heartbeat-interval", "1"], concurrency=1)
    producer.send("demo.sleep", 60)
    listener.until_type("task-started")
    for child in worker.children():
        os.kill(child, signal.SIGSTOP)
    came = [listener.until_type("worker-heartbeat", n=n, active=1)["timestamp"] for n in (1, 2, 3)]
    assert all(0.7 < b - a < 1.6 for a, b in zip(came, came[1:])), came
    worker.kill_hard()


@pytest.mark.petiole_only
def test_after_a_reconnection_the_worker_is_online_again(stage, start, redis_server, producer):
    listener = listen(stage, redis_server)
    start(options=["-E"])
    first = listener.until_type("worker-online")
    client = redis_server.client()
    for each in client.client_list():
        if each["id"] != str(client.client_id()) and each["cmd"] != "psubscribe":
            client.client_kill_filter(_id=each["id"])
    again = listener.until_type("worker-online", n=2)
    assert again["clock"] > first["clock"]
    id = producer.send("demo.add", 1, 1)
    listener.until_type("task-succeeded", uuid=id)


@pytest.mark.petiole_only
def test_what_handlers_send_is_told_as_sent(stage, start, producer, redis_server):
    listener = listen(stage, redis_server)
    start(config={"task_send_sent_event": True}, options=["-E"])
    sender = producer.send("demo.send", "demo.add", [2, 3])
    sent = listener.until_type("task-sent")
    received = listener.until_type("task-received", uuid=sent["uuid"])
    assert re.fullmatch(r"gen\d+@.+", sent["hostname"])
    assert sent["parent_id"] == sender and sent["root_id"] == sender
    assert (sent["queue"], sent["exchange"], sent["routing_key"]) == ("celery", "", "celery")
    same = ("name", "args", "kwargs", "retries", "eta", "expires", "root_id", "parent_id")
    assert [sent[k] for k in same] == [received[k] for k in same]
    retried = producer.send("demo.retry", 1, 0)
    again = listener.until_type("task-sent", uuid=retried)
    assert again["retries"] == 1 and again["parent_id"] == retried


@pytest.mark.petiole_only
def test_a_task_is_received_before_it_starts_and_starts_before_it_ends(
        stage, start, redis_server, producer):
    listener = listen(stage, redis_server)
    start(options=["-E"], concurrency=4)
    ids = producer.send_many("demo.add", [[n, n] for n in range(2000)])
    listener.until_type("task-succeeded", n=2000)
    of = {}
    for event in listener.events:
        if "uuid" in event:
            of.setdefault(event["uuid"], []).append(event["type"])
    assert set(of) == set(ids)
    assert {tuple(types) for types in of.values()} == {
        ("task-received", "task-started", "task-succeeded")}
    clocks = [e["clock"] for e in listener.events if e["type"].startswith("task-")]
    assert clocks == sorted(set(clocks))


@pytest.mark.petiole_only
def test_celery_events_dump_shows_them(stage, start, redis_server, producer):
    dump = stage.process(Process([PYTHON["new"], "-m", "celery", "-b", redis_server.url(),
                                  "events", "--dump"], name="celery events"))
    start(options=["-E"])
    dump.wait_line(r"^w1@h1 \[.*\] heartbeat: active=0", 20)
    id = producer.send("demo.add", 2, 3)
    dump.wait_line(rf"^w1@h1 \[.*\] task received: demo.add\({id}\) args=\[2, 3\]")
    dump.wait_line(rf"^w1@h1 \[.*\] task started: demo.add\({id}\)")
    dump.wait_line(rf"^w1@h1 \[.*\] task succeeded: demo.add\({id}\).*result=5")


# ---- what is revoked ------------------------------------------------------------------


def told_of_revoked(stage, clients, kind, version):
    server, revoked, terminated = stage.redis(), str(uuid.uuid4()), str(uuid.uuid4())
    listener = listen(stage, server, version)
    stage.worker(kind, server, options=["-E"])
    clients[version].connect(server.url(), server.url())
    control(server, "revoke", revoked)
    clients[version].send("demo.add", 2, 3, _options={"task_id": revoked})
    listener.until_type("task-revoked", uuid=revoked)
    clients[version].send("demo.sleep", 60, _options={"task_id": terminated})
    listener.until_type("task-started", uuid=terminated)
    control(server, "terminate", "SIGTERM", terminated)
    listener.until_type("task-revoked", uuid=terminated)
    clients[version].get(clients[version].send("demo.add", 2, 3))
    listener.until_type("task-succeeded")
    return [*listener.of(revoked), *listener.of(terminated)]


@pytest.mark.petiole_only
def test_what_is_revoked_or_terminated_is_told_as_a_python_worker_tells_it(
        stage, clients, kind, version):
    ours = told_of_revoked(stage, clients, kind, version)
    theirs = told_of_revoked(stage, clients, "new", version)
    assert [e["type"] for e in ours] == ["task-revoked",
                                         "task-received", "task-started", "task-revoked"]
    assert [masked(e) for e in ours] == [masked(e) for e in theirs]


# ---- workflows ------------------------------------------------------------------------


@pytest.mark.petiole_only
def test_of_a_chain_each_task_names_its_root_and_its_parent(
        stage, start, redis_server, producer):
    listener = listen(stage, redis_server)
    start(options=["-E"])
    last = producer.canvas('chain(s("demo.add", 1, 1), s("demo.add", 1), s("demo.add", 2))')
    listener.until_type("task-succeeded", uuid=last)
    received = [e for e in listener.events if e["type"] == "task-received"]
    ids = [e["uuid"] for e in received]
    assert ids[-1] == last and len(set(ids)) == 3
    assert [e["root_id"] for e in received] == [ids[0]] * 3
    assert [e["parent_id"] for e in received] == [None, *ids[:2]]
    results = [e["result"] for e in listener.events if e["type"] == "task-succeeded"]
    assert results == ["2", "3", "5"]


# ---- what handlers tell ---------------------------------------------------------------


@pytest.mark.petiole_only
def test_what_a_handler_tells_is_heard_while_it_runs_with_or_without_e(
        stage, start, redis_server, producer):
    listener = listen(stage, redis_server)
    worker = start(plugins=COUNTING)
    id = producer.send("counting.tell", "memory-progress", 2, 60, "")
    first, second = (listener.until_type("memory-progress", n=n, uuid=id) for n in (1, 2))
    assert first["clock"] < second["clock"]
    assert first["pid"] == second["pid"] and first["pid"] in worker.children()
    assert set(first) == {"hostname", "utcoffset", "pid", "clock", "uuid", "i", "text",
                          "timestamp", "type", "local_received"}
    assert (first["hostname"], first["i"], second["i"]) == ("w1@h1", 0, 1)
    worker.kill_hard()


@pytest.mark.petiole_only
def test_what_is_no_type_of_an_event_fails_its_task(start, producer):
    start(plugins=COUNTING)
    for wrong in ("", "two words", "a\nb", "x" * 101):
        assert producer.get(producer.send("counting.tell", wrong, 1, 0, ""))["raised"] == "ValueError"


@pytest.mark.petiole_only
def test_what_a_stopped_redis_takes_no_more_is_counted_and_kept_nowhere(
        stage, start, redis_server, producer):
    """What is heard later, and what the worker says it dropped, are all that was told."""
    listener, n, gate = listen(stage, redis_server), 50_000, stage.path("gate")
    worker = start(plugins=COUNTING, options=["--http", "127.0.0.1:0", "--without-heartbeat"])
    web = Web(worker)
    open(gate, "w").close()
    producer.send("counting.tell", "memory-told", n, 0, gate)
    web.until(lambda: web.metrics().value("petiole_busy_ratio") == 0.5, "it runs")
    before = rss_mb(worker.pid)
    redis_server.process.signal(signal.SIGSTOP)
    try:
        os.remove(gate)
        web.until(lambda: counted(web) == n, "all are told")
        dropped, grown = int(web.metrics().value("petiole_events_dropped_total")), rss_mb(worker.pid) - before
    finally:
        redis_server.process.signal(signal.SIGCONT)
    assert 0 < dropped < n and grown < 24, (dropped, grown)
    producer.get(producer.send("counting.tell", "memory-told", 1, 0, ""))
    heard = [e["i"] for e in listener.until(lambda events: len(events) > n - dropped)]
    assert heard == [*sorted(set(heard[:-1])), 0] and len(heard) == n - dropped + 1


def counted(web):
    metrics = web.metrics()
    return sum(metrics.value(f"petiole_events_{what}_total") for what in ("sent", "dropped"))


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M)[1]) / 1024
