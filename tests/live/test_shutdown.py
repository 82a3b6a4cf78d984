# SPDX-License-Identifier: Apache-2.0
"""Stopping: what runs is finished, what waits goes back, and the exit code says which."""

import json
import signal

import pytest


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGINT, 1)])
def test_an_idle_worker_stops_with_celerys_exit_code(worker, number, status):
    assert worker.stop(number) == status
    assert worker.count(r"worker: Warm shutdown \(MainProcess\)") == 1


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGINT, 1)])
def test_the_running_task_is_finished_and_the_waiting_ones_go_back_in_order(
        start, broker, producer, redis_server, kind, number, status, late):
    worker = start(concurrency=1, config={"task_track_started": True, "task_acks_late": late})
    long = producer.send("demo.sleep", 1.0)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{long}"), what="STARTED")
    waiting = [producer.send("demo.echo", n) for n in range(6)]
    redis_server.until(lambda r: r.hlen("unacked") == 4, what="a full prefetch")
    assert worker.stop(number) == status
    assert json.loads(broker.get(f"celery-task-meta-{long}"))["status"] == "SUCCESS"
    left = [json.loads(raw)["headers"]["id"] for raw in reversed(broker.lrange("celery", 0, -1))]
    if kind != "petiole":  # a Python worker puts the first one behind the others
        left, waiting = sorted(left), sorted(waiting)
    assert left == waiting
    assert not broker.exists("unacked", "unacked_index")
    assert not any(broker.exists(f"celery-task-meta-{id}") for id in waiting)


def test_tasks_held_for_their_eta_go_back(start, broker, producer, redis_server):
    worker = start()
    ids = {producer.send("demo.echo", n, _options={"countdown": 600}) for n in range(5)}
    redis_server.until(lambda r: r.hlen("unacked") == 5)
    assert worker.stop() == 0
    assert {json.loads(raw)["headers"]["id"] for raw in broker.lrange("celery", 0, -1)} == ids
    assert not broker.exists("unacked", "unacked_index")


def test_a_second_term_changes_nothing(start, broker, producer, redis_server):
    worker = start(config={"task_track_started": True})
    id = producer.send("demo.sleep", 1.0)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"))
    worker.signal(signal.SIGTERM)
    worker.wait_line("Warm shutdown")
    worker.signal(signal.SIGTERM)
    assert worker.wait_exit() == 0
    assert json.loads(broker.get(f"celery-task-meta-{id}"))["status"] == "SUCCESS"


@pytest.mark.petiole_only  # Celery 5.7 sometimes misses the second one
def test_a_second_int_says_what_it_does(start, producer, redis_server):
    worker = start(config={"task_track_started": True})
    id = producer.send("demo.sleep", 30)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"))
    worker.signal(signal.SIGINT)
    worker.wait_line("Hitting Ctrl\\+C again will initiate cold shutdown")
    worker.wait_line(r"Warm shutdown \(MainProcess\)")
    worker.signal(signal.SIGINT)
    assert worker.wait_exit() == 1
    assert worker.count("Cold shutdown") == 1


def test_no_process_outlives_the_worker(start, producer):
    worker = start()
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert worker.children()
    assert worker.stop() == 0
    assert worker.family() == []


@pytest.mark.petiole_only
def test_children_do_not_outlive_a_killed_parent(start, producer, redis_server):
    worker = start(config={"task_track_started": True})
    id = producer.send("demo.crash", "spin")
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"))
    worker.kill_hard()  # its output ends when the last child has gone
    assert worker.family() == []
