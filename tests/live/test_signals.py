# SPDX-License-Identifier: Apache-2.0
"""HUP starts the worker anew in its process, USR1 shows what it is at, systemd hears it."""

import json
import os
import pathlib
import signal
import socket

import pytest

from actors.worker import BUILD

petiole_only = pytest.mark.petiole_only


def started(start, producer, redis_server, seconds, **options):
    """A worker whose one child runs demo.sleep, and the task's id."""
    worker = start(concurrency=1, config={"task_track_started": True}, **options)
    id = producer.send("demo.sleep", seconds)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    return worker, id


@petiole_only  # one that was started as python -m celery does not find itself again
def test_hup_starts_the_worker_anew_in_the_same_process(start, producer):
    worker = start(concurrency=1)
    since = worker.mark()
    worker.signal(signal.SIGHUP)
    worker.wait_line(r"Restarting celery worker \(", since=since)
    worker.wait_line(r"w1@h1 ready\.$", since=since, seconds=30)
    assert worker.running()
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.stop() == 0


@petiole_only
def test_hup_waits_for_what_runs_and_gives_back_the_rest(start, broker, producer, redis_server):
    worker, long = started(start, producer, redis_server, 1)
    waiting = [producer.send("demo.add", n, n) for n in range(4)]
    since = worker.mark()
    worker.signal(signal.SIGHUP)
    worker.wait_line(r"w1@h1 ready\.$", since=since, seconds=30)
    assert [producer.get(id)["value"] for id in waiting] == [0, 2, 4, 6]
    assert json.loads(broker.get(f"celery-task-meta-{long}"))["status"] == "SUCCESS"
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"), what="all acknowledged")


@petiole_only
def test_term_during_a_restart_ends_the_worker(start, producer, redis_server):
    worker, long = started(start, producer, redis_server, 1)
    since = worker.mark()
    worker.signal(signal.SIGHUP)
    worker.wait_line(r"Restarting celery worker \(", since=since)
    assert worker.stop() == 0
    assert worker.count(r"w1@h1 ready\.$") == 1
    assert producer.get(long)["state"] == "SUCCESS"


@petiole_only
def test_hup_does_not_end_a_worker_whose_settings_became_wrong(start, producer):
    worker = start(config={"task_acks_late": False})
    pathlib.Path(worker._config.name).write_text('{"task_ack_late": true}')
    worker.signal(signal.SIGHUP)
    worker.wait_line(r"SIGHUP: not restarted: .*did you mean 'task_acks_late'\?")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.stop() == 0


@petiole_only
def test_usr1_shows_children_requests_and_where_a_handler_is(start, producer, redis_server):
    worker, id = started(start, producer, redis_server, 20)
    worker.signal(signal.SIGUSR1)
    worker.wait_line(r"---- w1@h1, running, ready")
    worker.wait_line(rf"ForkPoolWorker-1 pid:\d+ serving, 0 done, 1 given, runs demo\.sleep\[{id}\] for \d")
    worker.wait_line(r"broker: redis://.*, connected")
    worker.wait_line("backtrace of the running handler:")
    worker.wait_line(r"demo\.so")
    worker.wait_line("end of backtrace")
    worker.signal(signal.SIGQUIT)
    assert worker.wait_exit() == 0


@petiole_only
def test_usr2_is_refused_in_words(start):
    worker = start()
    worker.signal(signal.SIGUSR2)
    worker.wait_line("SIGUSR2: there is no debugger here")
    assert worker.stop() == 0


# ---- systemd


@pytest.fixture
def notified(tmp_path):
    """A socket as systemd has it, and told(): the next message with this word in it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(20)

        def told(word):
            while word not in (message := server.recv(4096).decode()):
                pass
            return message

        yield tmp_path / "notify", told


@petiole_only
def test_systemd_hears_ready_reloading_watchdog_and_stopping(start, notified):
    path, told = notified
    worker = start(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"})
    told("STATUS=starting: ")
    told("STATUS=takes tasks")
    told("READY=1")
    told("WATCHDOG=1")
    worker.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in told("RELOADING=1")
    told("READY=1")
    worker.signal(signal.SIGTERM)
    told("STOPPING=1")
    told("STATUS=stopping")
    assert worker.wait_exit() == 0


@petiole_only
def test_the_status_says_why_no_tasks_are_taken(start, notified, redis_server):
    path, told = notified
    start(env={"NOTIFY_SOCKET": str(path)})
    told("STATUS=takes tasks")
    redis_server.kill()
    told("STATUS=not connected to the broker")
    redis_server.start()
    told("STATUS=takes tasks")


@petiole_only
def test_the_health_file_tells_the_truth(start, stage, redis_server, tmp_path):
    path = tmp_path / "health"
    worker = start(options=["--health-file", str(path)])
    redis_server.until(lambda r: path.exists(), what="a health file")
    assert path.read_text() == f"ready {worker.pid}\n"
    redis_server.kill()
    worker.wait_line("Connection to broker lost")
    wait_for(lambda: not path.exists())
    redis_server.start()
    wait_for(path.exists)
    assert worker.stop() == 0
    assert not path.exists()


def wait_for(condition, seconds=20):
    import time
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


# ---- standard output of handlers


def printing(start, **options):
    return start(concurrency=1, plugins=f"demo,{BUILD}/tests/live/plugins/printing.so", **options)


def test_what_a_handler_prints_is_logged(start, producer):
    worker = printing(start)
    producer.get(producer.send("printing.print", "hello"))
    worker.wait_line(r"\[.*: WARNING/ForkPoolWorker-1\] hello$")


@petiole_only  # Celery logs one print() of two lines as one record
def test_each_printed_line_is_a_line_of_the_log_at_its_level(start, producer):
    worker = printing(start, config={"worker_redirect_stdouts_level": "ERROR"})
    producer.get(producer.send("printing.print", "first\nsecond"))
    worker.wait_line(r"\[.*: ERROR/ForkPoolWorker-1\] first$")
    worker.wait_line(r"\[.*: ERROR/ForkPoolWorker-1\] second$")


def test_without_redirection_what_is_printed_stays_as_it_is(start, producer):
    worker = printing(start, config={"worker_redirect_stdouts": False})
    producer.get(producer.send("printing.print", "hello"))
    worker.wait_line(r"^hello$")
