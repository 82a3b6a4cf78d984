# SPDX-License-Identifier: Apache-2.0
"""Time limits, and handlers that take their process with them."""

import json
import re

import pytest


@pytest.mark.parametrize("seconds", [1, 0.5])
def test_the_soft_limit_raises_in_the_task(pair_default, seconds):
    outcome = pair_default.same("demo.sleep", 30, _options={"soft_time_limit": seconds})
    assert outcome.got["raised"] == "SoftTimeLimitExceeded"


@pytest.mark.parametrize("seconds", [1, 0.5])
def test_the_hard_limit_kills_the_child(pair_default, seconds):
    outcome = pair_default.same("demo.sleep", 30, _options={"time_limit": seconds})
    assert outcome.got["raised"] == "TimeLimitExceeded"
    pair_default.same("demo.add", 1, 1)


def test_a_task_that_ignores_its_soft_limit_meets_the_hard_one(pair_default):
    outcome = pair_default.same(
        "demo.crash", "spin", _options={"soft_time_limit": 0.3, "time_limit": 1})
    assert outcome.got["raised"] == "TimeLimitExceeded"


def test_the_workers_limits_hold_where_the_message_names_none(pair):
    both = pair(options=["--time-limit", "1", "--soft-time-limit", "0.5"])
    assert both.same("demo.sleep", 30).got["raised"] == "SoftTimeLimitExceeded"
    assert both.same("demo.crash", "spin").got["raised"] == "TimeLimitExceeded"
    assert both.same("demo.sleep", 0.7, _options={"soft_time_limit": 5, "time_limit": 6}
                     ).meta["status"] == "SUCCESS"


@pytest.mark.parametrize("how", ["segfault", "abort", "exit"])
def test_a_lost_child_fails_its_own_task_in_celerys_words(pair_default, how):
    outcome = pair_default.same("demo.crash", how)
    assert outcome.got["raised"] == "WorkerLostError"
    assert pair_default.ours.call("demo.add", 1, 1).meta["result"] == 2


@pytest.mark.petiole_only
def test_a_task_that_eats_all_memory_fails_alone(pair_default):
    outcome = pair_default.ours.call("demo.crash", "oom")
    assert outcome.got["raised"] in ("WorkerLostError", "MemoryError")
    assert pair_default.ours.call("demo.add", 1, 1).meta["result"] == 2


def test_a_crash_costs_the_neighbours_nothing(worker, producer):
    long = [producer.send("demo.sleep", 1.0)]
    crashes = [producer.send("demo.crash", "segfault") for _ in range(3)]
    later = [producer.send("demo.echo", n) for n in range(10)]
    assert [producer.get(id)["value"] for id in long + later] == [1.0, *range(10)]
    assert {producer.get(id)["raised"] for id in crashes} == {"WorkerLostError"}


def test_a_child_is_replaced_after_its_number_of_tasks(start, broker, producer):
    start(concurrency=1, options=["--max-tasks-per-child", "2"], config={"task_track_started": True})
    watcher = broker.pubsub()
    watcher.psubscribe("celery-task-meta-*")
    watcher.get_message(timeout=5)
    for n in range(6):
        assert producer.get(producer.send("demo.echo", n))["value"] == n
    pids = []
    while len(pids) < 6:
        meta = json.loads(watcher.get_message(timeout=5)["data"])
        if meta["status"] == "STARTED":
            pids.append(meta["result"]["pid"])
    watcher.close()
    assert pids[0::2] == pids[1::2] and len(set(pids)) == 3


@pytest.mark.petiole_only
def test_a_message_that_keeps_killing_its_child_ends_among_the_dead(start, broker, producer, redis_server):
    worker = start(config={"task_acks_late": True, "task_reject_on_worker_lost": True})
    id = producer.send("demo.crash", "segfault")
    [raw] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    dead = json.loads(raw)
    assert id in raw.decode() and re.search("kill|lost|crash|died", dead["reason"], re.I)
    assert producer.get(id)["raised"] == "WorkerLostError"
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert worker.count("demo.crash.*received") > 1
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
