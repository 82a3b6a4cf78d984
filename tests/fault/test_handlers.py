# SPDX-License-Identifier: Apache-2.0
"""Handlers that do what no handler should: the truth is told about their own task, and
the tasks around it run once each, whatever happens."""

import os
import signal

import pytest

from actors import wire
from actors.account import finished

LOST, LIMIT = "WorkerLostError", "TimeLimitExceeded"

# how: what its caller learns; None is SUCCESS
MISDEEDS = {
    "never returns": LIMIT,
    "blocks all signals": LIMIT,
    "stops itself": LIMIT,
    "closes every descriptor": LOST,
    "writes into every descriptor": LOST,
    "forks": None,
    "returns twice": None,
    "leaves a daemon": None,
    "changes its group": None,
    "signals its group": LOST,
    "calls exit": LOST,
    "calls _exit": LOST,
    "exhausts its memory": "MemoryError",
    "exhausts the heap": LOST,
    "exhausts the stack": LOST,
    "floods stdout": None,
    "floods the log": None,
}


@pytest.mark.petiole_only
@pytest.mark.timeout(60)
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
@pytest.mark.parametrize("how", MISDEEDS)
def test_a_handler_harms_nobody_else(
        start, redis_server, producer, broker, plugins, send_work, open_account, how, late):
    before = send_work(10, 1, prefix="before")
    misdeed = producer.send("ledger.misbehave", how, _options={"time_limit": 1})
    after = send_work(10, 1, prefix="after")
    account = open_account("a handler beside them does what none should", {**before, **after})
    worker = start(plugins=plugins, config={"task_acks_late": late})
    worker.tolerate("AddressSanitizer")  # the sanitizers' build tells of these deeds, too
    got = producer.get(misdeed)
    account.all_done(30)
    account.check(1)
    assert got.get("raised") == MISDEEDS[how]
    assert got["state"] == ("FAILURE" if MISDEEDS[how] else "SUCCESS")
    # Two children serve again, and nothing is left when the worker goes.
    again = send_work(4, 1, prefix="again")
    redis_server.until(lambda r: all(r.exists(f"celery-task-meta-{id}") for id in again.values()), 20)
    assert worker.stop() == 0
    assert how == "leaves a daemon" or worker.family() == []
    assert not broker.exists("celery", "unacked", "unacked_index", "petiole.nodes")


@pytest.mark.petiole_only
@pytest.mark.timeout(60)
def test_a_stopped_child_does_not_keep_the_worker_from_stopping(start, redis_server, producer, plugins):
    """SIGSTOP to an idle child: TERM still ends the worker, by force after its patience."""
    worker = start(plugins=plugins)
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    for pid in worker.children():
        os.kill(pid, signal.SIGSTOP)
    worker.signal(signal.SIGTERM)
    worker.wait_line("Warm shutdown")
    for pid in worker.children():
        os.kill(pid, signal.SIGCONT)
    assert worker.wait_exit() == 0


@pytest.mark.petiole_only
@pytest.mark.timeout(60)
def test_a_message_is_not_to_blame_for_a_child_without_memory(start, redis_server, producer, broker, plugins):
    """A handler has leaked all that its process may have. The next message, which then
    cannot be decoded there, goes to another child and not to the dead letters."""
    worker = start(plugins=plugins, concurrency=1)
    worker.tolerate("AddressSanitizer")  # which needs memory of its own
    leak = producer.send("ledger.misbehave", "keeps nearly all memory")
    large = producer.send("demo.echo", "x" * 3_000_000)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{large}"), 30, what="the large one's result")
    assert len(producer.get(large)["value"]) == 3_000_000
    assert producer.get(leak)["state"] in ("SUCCESS", "FAILURE")
    assert not broker.exists("petiole.dead")
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.timeout(60)
def test_children_that_answer_large_messages_at_once_are_believed(start, redis_server, broker):
    """A large message goes to its child without a copy; the answer may come before the
    event loop has told that all of it was sent."""
    ids = {}
    for n in range(3000):
        message = wire.envelope("demo.echo", ("x" * 20_000,) if n % 10 == 1 else (n,))
        ids[str(n)] = message["headers"]["id"]
        wire.push(broker, message)
    worker = start(config={"task_acks_late": True})
    redis_server.until(lambda r: not r.exists("celery", "unacked"), 40, what="the end")
    assert len(finished(broker, ids.values())) == len(ids)
    assert worker.count("makes no sense") == 0
    assert worker.count("received") == len(ids)
