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


def busy(start, producer, redis_server, seconds=30, **config):
    """A worker with one task that runs, and its id."""
    worker = start(concurrency=1, config={"task_track_started": True, **config})
    id = producer.send("demo.sleep", seconds)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    return worker, id


def test_quit_ends_what_runs(start, producer, redis_server):
    worker, _ = busy(start, producer, redis_server)
    worker.signal(signal.SIGQUIT)
    worker.wait_line("worker: Hitting Ctrl\\+C again will terminate all running tasks!")
    worker.wait_line(r"worker: Cold shutdown \(MainProcess\)")
    assert worker.wait_exit() == 0


def test_an_idle_worker_quits_at_once_whatever_the_soft_timeout(start):
    worker = start(config={"worker_soft_shutdown_timeout": 60})
    assert worker.stop(signal.SIGQUIT) == 0
    assert worker.count("Initiating Soft Shutdown") == 0


def test_a_soft_shutdown_lets_a_short_task_finish(start, broker, producer, redis_server):
    worker, id = busy(start, producer, redis_server, 1, worker_soft_shutdown_timeout=4)
    worker.signal(signal.SIGQUIT)
    worker.wait_line(r"WARNING/MainProcess\] Initiating Soft Shutdown, terminating in 4(\.0)? seconds")
    assert worker.wait_exit() == 0
    assert json.loads(broker.get(f"celery-task-meta-{id}"))["status"] == "SUCCESS"
    assert worker.count(r"worker: Cold shutdown \(MainProcess\)") == 1


def test_a_soft_shutdown_ends_a_long_task_in_the_end(start, producer, redis_server):
    worker, _ = busy(start, producer, redis_server, worker_soft_shutdown_timeout=1)
    worker.signal(signal.SIGQUIT)
    assert worker.wait_exit() == 0
    assert worker.count(r"worker: Cold shutdown \(MainProcess\)") == 1


@pytest.mark.petiole_only  # a Python worker sleeps to the end of the timeout all the same
def test_a_second_quit_does_not_wait_for_the_soft_timeout(start, producer, redis_server):
    worker, _ = busy(start, producer, redis_server, worker_soft_shutdown_timeout=60)
    worker.signal(signal.SIGQUIT)
    worker.wait_line("Initiating Soft Shutdown")
    worker.signal(signal.SIGQUIT)
    worker.wait_line("Waiting gracefully for cold shutdown to complete...")
    assert worker.wait_exit() == 0


def test_remap_sigterm_makes_term_a_quit(start, producer, redis_server):
    worker = start(concurrency=1, config={"task_track_started": True}, env={"REMAP_SIGTERM": "SIGQUIT"})
    id = producer.send("demo.sleep", 30)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"))
    worker.signal(signal.SIGTERM)
    worker.wait_line(r"worker: Cold shutdown \(MainProcess\)")
    assert worker.wait_exit() == 0
    assert worker.count("Warm shutdown") == 0


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
