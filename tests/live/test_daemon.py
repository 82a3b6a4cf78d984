# SPDX-License-Identifier: Apache-2.0
"""Workers in the background: pid files, log files, users, and what they exit with."""

import os
import pathlib
import pwd
import signal
import time

import pytest

from actors.process import Process
from actors.worker import LIVE, PETIOLE, clean_environment

pytestmark = pytest.mark.petiole_only

FAILED, USAGE, PIDFILE = 1, 64, 73


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        os.sched_yield()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


@pytest.fixture
def petiole(stage, redis_server):
    """petiole(options…): a worker's process, however it goes on."""

    def run(*options, **env):
        return stage.process(Process(
            [PETIOLE, "worker", "-A", "demo", "-b", redis_server.url(), "--result-backend",
             redis_server.url(), "-c", "1", "-l", "INFO", "-n", "w1@h1", *options],
            env={**clean_environment(), **env}, cwd=LIVE))

    return run


@pytest.fixture
def detached(petiole, tmp_path):
    """A worker in the background: its pid and its log."""
    process = petiole("-D", "--pidfile", tmp_path / "%n.pid", "-f", tmp_path / "%n%I.log")
    assert process.wait_exit() == 0, process.text
    pid = int((tmp_path / "w1.pid").read_text())
    yield pid, tmp_path / "w1.log"
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the end")


def test_a_detached_worker_works_logs_and_stops(detached, producer, tmp_path):
    pid, log = detached
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    wait_for(lambda: "w1@h1 ready." in log.read_text(), "ready in the log")
    assert os.getsid(pid) != os.getsid(0) and os.getsid(pid) != pid
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not alive(pid), "its end")
    assert not (tmp_path / "w1.pid").exists()
    assert "worker: Warm shutdown (MainProcess)" in log.read_text()


def test_a_detached_worker_restarts_under_its_pid(detached, producer):
    pid, log = detached
    wait_for(lambda: "w1@h1 ready." in log.read_text(), "ready")
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: log.read_text().count("w1@h1 ready.") == 2, "ready again")
    assert alive(pid)
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5


def test_a_live_pidfile_is_respected(petiole, tmp_path):
    path = tmp_path / "w.pid"
    path.write_text(f"{os.getpid()}\n")
    for options in [], ["-D"]:
        process = petiole("--pidfile", path, *options)
        assert process.wait_exit() == PIDFILE
        assert f"already running? (pid: {os.getpid()})" in process.text
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("content", ["999999999\n", "", "no number\n"])
def test_a_stale_pidfile_is_replaced(petiole, tmp_path, content):
    path = tmp_path / "w.pid"
    path.write_text(content)
    process = petiole("--pidfile", path)
    process.wait_line(r"ready\.$")
    assert "Stale pidfile exists - Removing it." in process.text
    assert path.read_text() == f"{process.pid}\n"
    process.signal(signal.SIGTERM)
    assert process.wait_exit() == 0 and not path.exists()


@pytest.mark.parametrize("options, says", [
    (["--pidfile", "/nonexistent/w.pid"], "cannot write pidfile"),
    (["-f", "/nonexistent/w.log"], "cannot write the log"),
    (["-D", "-f", "/nonexistent/w.log"], "cannot write the log"),
    (["--uid", "nobody-by-this-name"], "there is no user"),
    (["--gid", "no-such-group"], "there is no group"),
])
def test_what_cannot_be_is_one_line_and_1(petiole, options, says):
    process = petiole(*options)
    assert process.wait_exit() == FAILED
    assert says in process.text and len(process.lines) == 1, process.text


def test_a_working_folder_that_is_not_there_is_one_line(petiole):
    process = petiole("--workdir", "/nonexistent")
    assert process.wait_exit() == USAGE
    assert "cannot go to /nonexistent" in process.text and len(process.lines) == 1


def test_the_settings_are_looked_for_in_the_working_folder(petiole, tmp_path):
    (tmp_path / "w.json").write_text('{"worker_prefetch_multiplier": 7}')
    process = petiole("--workdir", tmp_path, "--config", "w.json", "-f", "w.log")
    wait_for(lambda: (tmp_path / "w.log").exists() and
             "ready." in (tmp_path / "w.log").read_text(), "ready")
    assert os.readlink(f"/proc/{process.pid}/cwd") == str(tmp_path)
    process.signal(signal.SIGHUP)
    wait_for(lambda: (tmp_path / "w.log").read_text().count("w1@h1 ready.") == 2, "ready again")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_worker_gives_up_root(petiole, producer, tmp_path):
    nobody = pwd.getpwnam("nobody")
    process = petiole("--uid", "nobody", "--umask", "077")
    process.wait_line(r"ready\.$")
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}" in status
    assert f"Gid:\t{nobody.pw_gid}\t{nobody.pw_gid}\t{nobody.pw_gid}" in status
    assert "Umask:\t0077" in status
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_root_is_warned(petiole):
    petiole(C_FORCE_ROOT="").wait_line("WARNING/MainProcess.*superuser privileges")


def test_json_logs_are_an_object_a_line(petiole, producer, tmp_path):
    import json
    log = tmp_path / "w.log"
    process = petiole("--log-format=json", "-q", "-f", log)
    id = producer.send("demo.add", 2, 3)
    producer.get(id)
    process.signal(signal.SIGTERM)
    assert process.wait_exit() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    ends = [line for line in lines if "succeeded in" in line["message"]]
    assert [(line["task_name"], line["task_id"], line["level"]) for line in ends] == [("demo.add", id, "INFO")]


def test_a_name_with_a_line_end_forges_no_line(petiole, broker):
    import json
    process = petiole()
    process.wait_line(r"ready\.$")
    forged = "x]\n[2026-01-01 00:00:00,000: CRITICAL/MainProcess] all is lost"
    message = {"body": "W1tdLCB7fSwge31d", "content-encoding": "utf-8", "content-type": "application/json",
               "headers": {"id": forged, "task": "demo.add", "lang": "py", "root_id": forged},
               "properties": {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": "celery"},
                              "delivery_mode": 2, "body_encoding": "base64"}}
    broker.lpush("celery", json.dumps(message))
    process.wait_line("all is lost")
    assert process.count(r"^\[2026-01-01") == 0
