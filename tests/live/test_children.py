# SPDX-License-Identifier: Apache-2.0
"""How many children there are, how much memory each may take, and how much is taken for
them in advance."""

import re

import pytest

from actors.worker import BUILD

MEMORY = f"demo,{BUILD}/tests/live/plugins/memory.so"


def test_autoscale_starts_children_as_there_is_work_and_stops_idle_ones(start, producer, kind):
    worker = start(concurrency=1, options=["--autoscale=3,1"], env={"AUTOSCALE_KEEPALIVE": "1"})
    assert worker.count(r"concurrency: \{min=1, max=3\} \(prefork\)") == 1
    ids = [producer.send("demo.sleep", 0.5) for _ in range(6)]
    worker.wait_line(r"INFO/MainProcess\] Scaling up [12] processes\.$")
    assert {producer.get(id)["value"] for id in ids} == {0.5}
    worker.wait_line(r"INFO/MainProcess\] Scaling down [12] processes\.$", seconds=20)
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2


@pytest.mark.petiole_only
def test_a_child_that_has_grown_too_large_is_replaced(start, producer):
    worker = start(concurrency=1, plugins=MEMORY, options=["--max-memory-per-child", "51200"])
    pids = [producer.get(producer.send("memory.leak", 20))["value"] for _ in range(6)]
    assert len(set(pids)) == 2 and pids == sorted(pids, key=pids.index)
    worker.wait_line(r"WARNING/ForkPoolWorker-1\] child process exiting after exceeding memory limit "
                     r"\(\d+KiB / 51200KiB\)$")


@pytest.mark.petiole_only
@pytest.mark.parametrize("config", [{"worker_hard_memory_per_child": 204800},
                                    {"worker_max_memory_per_child": 102400}], ids=["own", "twice"])
def test_a_child_gets_no_more_memory_than_its_cap(start, producer, config):
    worker = start(concurrency=1, plugins=MEMORY, config=config)
    assert 100 < producer.get(producer.send("memory.fill"))["value"] < 200
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert worker.running()


@pytest.mark.petiole_only
def test_memory_exhausted_in_a_child_costs_that_task_alone(start, producer):
    worker = start(concurrency=2, plugins=MEMORY, config={"worker_hard_memory_per_child": 102400})
    hungry = [producer.send("memory.leak", 1000) for _ in range(4)]
    others = [producer.send("demo.echo", n) for n in range(20)]
    assert [producer.get(id)["value"] for id in others] == list(range(20))
    assert {producer.get(id)["raised"] for id in hungry} <= {"MemoryError", "WorkerLostError"}
    assert worker.running()


@pytest.mark.petiole_only
def test_the_kernel_would_take_a_child_before_the_worker(worker, producer):
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2

    def score(pid):
        with open(f"/proc/{pid}/oom_score_adj") as f:
            return int(f.read())

    assert worker.children()
    assert all(score(pid) > score(worker.pid) for pid in worker.children())


@pytest.mark.parametrize("option", [{"options": ["--disable-prefetch"]},
                                    {"config": {"worker_disable_prefetch": True}}], ids=["option", "setting"])
def test_without_prefetch_no_more_is_held_than_can_run(start, broker, producer, redis_server, option):
    config = {"task_acks_late": True, "task_track_started": True, **option.get("config", {})}
    start(concurrency=2, config=config, options=option.get("options", ()))
    ids = [producer.send("demo.sleep", 0.6) for _ in range(6)]
    redis_server.until(lambda r: r.hlen("unacked") == 2)
    most = []
    redis_server.until(lambda r: most.append(r.hlen("unacked")) or r.llen("celery") == 0)
    assert max(most) <= 2
    assert {producer.get(id)["value"] for id in ids} == {0.6}


@pytest.mark.petiole_only
def test_messages_beyond_the_eta_limit_stay_in_the_queue(start, broker, producer, redis_server):
    start(concurrency=1, config={"worker_eta_task_limit": 10}, options=["--prefetch-multiplier", "2"])
    ids = [producer.send("demo.echo", n, _options={"countdown": 1.5}) for n in range(30)]
    redis_server.until(lambda r: r.hlen("unacked") == 10)
    assert broker.llen("celery") == 20
    for n, id in enumerate(ids):
        assert producer.get(id)["value"] == n


def test_the_fair_profile_is_the_one_there_is(start, producer):
    start(options=["-O", "fair"])
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2


@pytest.mark.petiole_only
def test_annotations_hold_in_the_worker_and_in_its_children(start, broker, producer, redis_server):
    worker = start(config={"task_annotations": {
        "demo.sleep": {"soft_time_limit": 0.3}, "demo.echo": {"ignore_result": True},
        "demo.add": {"track_started": True}, "*": {"acks_late": True}}})
    assert producer.get(producer.send("demo.sleep", 30))["raised"] == "SoftTimeLimitExceeded"
    watcher = broker.pubsub()
    watcher.psubscribe("celery-task-meta-*")
    watcher.get_message(timeout=5)
    producer.send("demo.add", 1, 1)
    assert re.search(b"STARTED", watcher.get_message(timeout=5)["data"])
    watcher.close()
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
    assert worker.running()
