# SPDX-License-Identifier: Apache-2.0
"""Logs for machines: every line an object, traces in them, files that move or find no room,
and passwords nowhere."""

import json
import os
import re
import resource
import select
import signal
import subprocess

import pytest

from actors.process import Process
from actors.worker import BUILD, LIVE, PETIOLE, clean_environment

pytestmark = pytest.mark.petiole_only

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACE = {"traceparent": f"00-{ID}-{SPAN}-01", "tracestate": "rojo=1,congo=2", "baggage": "user=a;p,k=b"}
PRINTING = f"demo,{BUILD}/tests/live/plugins/printing.so"


def objects(lines):
    """Each line read; one that is no object fails the test."""
    read = [json.loads(line) for line in lines]
    assert all(isinstance(one, dict) for one in read)
    return read


@pytest.fixture
def log(stage, redis_server, producer):
    """What a JSON worker says that meets everything it has words for, as objects."""
    worker = stage.worker("petiole", redis_server, ready=False, loglevel="DEBUG", plugins=PRINTING,
                          options=["--log-format=json", "--purge"])
    worker.wait_line(r"w1@h1 ready\.", 30)
    ids = {name: producer.send(name, *args, _options={"headers": TRACE, **options})
           for name, args, options in [
               ("demo.add", (1, 2), {}), ("demo.fail", ("ValueError", "wr\n\"o\x1bng"), {}),
               ("demo.progress", (1, 0), {}), ("demo.retry", (1, 0), {}),
               ("printing.print", ("from a\thandler\x07",), {}),
               ("demo.sleep", (9,), {"soft_time_limit": 0.2}), ("demo.crash", ("segfault",), {})]}
    for id in ids.values():
        producer.get(id)
    mark = worker.mark()
    worker.signal(signal.SIGUSR1)
    worker.wait_line("requests: ", since=mark)
    worker.signal(signal.SIGINT)
    assert worker.wait_exit() == 1
    return objects(worker.lines), ids


def test_every_line_is_an_object_with_time_level_and_process(log):
    lines, _ = log
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", line["time"])
        assert line["level"] in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        assert line["logger"] in ("petiole", "petiole.task")
        assert re.fullmatch(r"MainProcess|ForkPoolWorker-\d+", line["process"])
    said = "\n".join(line["message"] for line in lines)
    for part in ("[config]", "[tasks]", "ready.", "from a\thandler\x07", "Warm shutdown", "Hitting Ctrl+C",
                 "requests: ", "SIGSEGV", "Soft time limit"):
        assert part in said


def test_what_is_about_a_task_has_its_id_name_and_trace(log):
    lines, ids = log
    for name, id in ids.items():
        about = [line for line in lines if line.get("task_id") == id]
        assert {"received"} <= {line["message"].rsplit(" ", 1)[-1] for line in about}
        for line in about:
            assert (line["task_name"], line["trace_id"], line["span_id"]) == (name, ID, SPAN)
    assert [(line["logger"], line["task_name"]) for line in lines if line["message"] == "step 1 of 1"] == [
        ("petiole.task", "demo.progress")]


def test_a_failure_has_its_exception_and_traceback_apart(log):
    lines, ids = log
    failure, = [line for line in lines if line.get("task_id") == ids["demo.fail"] and line["level"] == "ERROR"]
    assert failure["exception"] == "ValueError('wr\\n\"o\\x1bng')"
    assert failure["traceback"].startswith("Traceback (most recent call last):\n")
    assert failure["traceback"].endswith("ValueError: wr\n\"o\x1bng")
    assert "Traceback" not in failure["message"] and failure["message"].endswith(failure["exception"])


@pytest.mark.parametrize("options, env", [
    (["--log-format=json", "--no-such-option"], {}), (["-c", "none"], {"PETIOLE_LOG_FORMAT": "json"}),
    (["-A", "no_such_plugin"], {"PETIOLE_LOG_FORMAT": "json"}),
    (["-f", "/no/such/folder/log", "--log-format=json"], {})])
def test_a_worker_that_does_not_start_says_why_in_an_object(stage, options, env):
    process = stage.process(Process([PETIOLE, "worker", "-A", "demo", *options],
                                    env={**clean_environment(), **env}, cwd=LIVE))
    assert process.wait_exit() in (1, 64)
    assert [line["level"] for line in objects(process.lines)] == ["ERROR"]


def test_the_settings_file_may_choose_json(start):
    worker = start(config={"worker_log_shape": "json"}, ready=False)
    worker.wait_line(r"ready\.")
    worker.stop()
    objects(worker.lines)


# ---- traces ---------------------------------------------------------------------------


def headers_seen(producer, id):
    return producer.get(id)["value"]["headers"]


@pytest.fixture
def traced(start, producer):
    start()
    return producer


def carries_trace(headers):
    return {key: (headers or {}).get(key) for key in TRACE} == TRACE


def test_the_trace_is_passed_on_by_ptl_send(traced):
    id = traced.send("demo.send", "demo.request", [["headers"]], _options={"headers": {**TRACE, "x-own": 1}})
    headers = headers_seen(traced, traced.get(id)["value"])
    assert headers == TRACE  # and nothing else of the sender's


def test_headers_of_the_handlers_own_win(traced):
    own = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-00"}
    id = traced.send("demo.send", "demo.request", [["headers"]], {}, {"headers": own}, _options={"headers": TRACE})
    headers = headers_seen(traced, traced.get(id)["value"])
    assert headers == {**own, "baggage": TRACE["baggage"]}


@pytest.mark.parametrize("bad", ["", "00-abc-def-01", f"ff-{ID}-{SPAN}-01", f"00-{ID.upper()}-{SPAN}-01", 7, None])
def test_what_is_no_traceparent_is_not_passed_on(traced, bad):
    id = traced.send("demo.send", "demo.request", [["headers"]],
                     _options={"headers": {**TRACE, "traceparent": bad, "baggage": "not a pair"}})
    assert headers_seen(traced, traced.get(id)["value"]) is None


FOLLOW_UPS = {
    "a link": "s('demo.add', 1, 2).set(link=[LAST])",
    "an error link": "s('demo.fail', 'ValueError', 'x').set(link_error=[LAST])",
    "a chain": "chain(s('demo.add', 1, 2).set(headers=trace), s('demo.add', 3), LAST)",
    "a chord": "chord([s('demo.add', 1, 2).set(headers=trace)] * 2, LAST)",
    "a group": "chain(s('demo.add', 1, 2).set(headers=trace), group(LAST, s('demo.add', 1)))",
    "a replacement": "s('demo.replace', dict(LAST))",
}


@pytest.mark.parametrize("what", FOLLOW_UPS)
def test_the_trace_is_passed_on_to(traced, redis_server, what):
    last = f"9b9b9b9b-0000-4000-8000-{list(FOLLOW_UPS).index(what):012x}"
    expression = FOLLOW_UPS[what].replace("LAST", f"s('demo.request', ['headers']).set(immutable=True, task_id='{last}')")
    if "headers=trace" not in expression:
        expression = f"{expression}.set(headers=trace)"
    traced.canvas(expression, trace=TRACE)
    redis_server.until(lambda c: c.exists(f"celery-task-meta-{last}"), what="the last task")
    assert carries_trace(headers_seen(traced, last))


def test_a_retry_keeps_all_headers(start, producer, broker):
    worker = start(options=["--log-format=json"], ready=False)
    worker.wait_line(r"ready\.")
    id = producer.send("demo.retry", 2, 0, _options={"headers": {**TRACE, "x-own": 1}})
    assert producer.get(id)["value"] == 2
    worker.stop()
    received = [line for line in objects(worker.lines) if line["message"].endswith(" received")]
    assert [line["trace_id"] for line in received] == [ID] * 3


# ---- files ----------------------------------------------------------------------------


@pytest.fixture
def filing(stage, redis_server, producer):
    """filing(path): a worker that logs there."""

    def begin(path, **options):
        worker = stage.worker("petiole", redis_server, ready=False, options=["-f", path], **options)
        assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
        return worker

    return begin


def wait_text(path, text, producer=None):
    """Until the file has it; each look makes the worker log something more."""
    for _ in range(200):
        if path.exists() and text in path.read_text(errors="replace"):
            return
        producer.get(producer.send("demo.add", 1, 1))
    raise AssertionError(f"{path} never had {text!r}")


def test_a_file_that_was_moved_away_is_opened_anew(filing, producer, tmp_path):
    log = tmp_path / "w.log"
    worker = filing(log)
    wait_text(log, "succeeded", producer)
    log.rename(tmp_path / "w.log.1")
    wait_text(log, "succeeded", producer)
    moved = (tmp_path / "w.log.1").read_text()
    log.unlink()
    wait_text(log, "succeeded", producer)
    assert worker.stop() == 0
    assert (tmp_path / "w.log.1").read_text() == moved
    for text in (moved, log.read_text()):
        assert text.endswith("\n")


def test_a_file_that_was_cut_goes_on_at_its_begin(filing, producer, tmp_path):
    log = tmp_path / "w.log"
    worker = filing(log)
    os.truncate(log, 0)
    wait_text(log, "succeeded", producer)
    worker.stop()
    assert "\0" not in log.read_text()


def test_a_worker_in_the_background_prints_into_the_new_file(stage, redis_server, producer, tmp_path):
    log, pid_file = tmp_path / "w.log", tmp_path / "w.pid"
    process = stage.process(Process(
        [PETIOLE, "worker", "-A", "demo", "-b", redis_server.url(), "--result-backend", redis_server.url(), "-c", 1,
         "-l", "INFO", "-D", "--pidfile", pid_file, "-f", log], env=clean_environment(), cwd=LIVE))
    assert process.wait_exit() == 0, process.text
    pid = int(pid_file.read_text())
    wait_text(log, "succeeded", producer)
    log.rename(tmp_path / "old")
    wait_text(log, "succeeded", producer)
    end = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    assert select.select([end], [], [], 20)[0]
    os.close(end)
    assert "Warm shutdown" in log.read_text()


def test_a_file_that_cannot_be_opened_anew_goes_on_where_it_was(stage, redis_server, producer, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "w.log"
    worker = stage.worker("petiole", redis_server, ready=False, options=["-f", log])
    producer.get(producer.send("demo.add", 1, 1))
    moved = tmp_path / "moved"
    folder.rename(moved)
    wait_text(moved / "w.log", f"cannot reopen the log {log}: No such file or directory", producer)
    folder.mkdir()
    wait_text(log, "succeeded", producer)
    worker.stop()


def can_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


@pytest.mark.parametrize("shape", ["celery", "json"])
def test_on_a_full_disk_the_worker_goes_on_and_says_later_what_is_missing(
        stage, redis_server, producer, tmp_path, shape):
    """A file may grow to 64 KiB, then no further until the limit is lifted."""
    log = tmp_path / "w.log"
    worker = stage.worker("petiole", redis_server, ready=False, loglevel="INFO",
                          options=["-f", log, f"--log-format={shape}"])
    producer.get(producer.send("demo.add", 1, 1))
    _, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (64 << 10, hard))
    text = "x" * 900
    last = producer.send_many("demo.echo", [[text]] * 700)[-1]
    producer.get(last)  # far more than file and buffer take together
    worker.wait_line(rf"cannot write the log {log}: File too large")
    assert log.stat().st_size == 64 << 10
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait_text(log, "lines dropped: File too large", producer)
    assert worker.stop() == 0
    lines = log.read_text().splitlines()
    assert int(re.search(r"log: it is written again; (\d+) lines dropped", log.read_text()).group(1)) > 0
    if shape == "json":
        objects(lines)
    assert worker.count("cannot write the log") == 1


@pytest.mark.skipif(not can_mount(), reason="only who may mount can have a small disk")
def test_a_real_disk_that_is_full(stage, redis_server, producer, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], check=True)
    try:
        log, ballast = disk / "w.log", disk / "ballast"
        worker = stage.worker("petiole", redis_server, ready=False, options=["-f", log, "--log-format=json"])
        producer.get(producer.send("demo.add", 1, 1))
        with pytest.raises(OSError), open(ballast, "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
        for id in [producer.send("demo.echo", "x" * 900) for _ in range(20)]:
            producer.get(id)
        worker.wait_line("cannot write the log .*: No space left on device")
        ballast.unlink()
        wait_text(log, "it is written again", producer)
        assert worker.stop() == 0
        objects(log.read_text().splitlines())
    finally:
        for one in stage.workers:
            one.kill()
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_log_that_nobody_can_write_stops_nothing(filing, tmp_path):
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    assert filing(link).stop() == 0


# ---- passwords ------------------------------------------------------------------------

SECRET = "gEh3iM"
WRONG = f"redis://us{SECRET}er:{SECRET}@127.0.0.1:1/0"
PLACES = {
    "the broker's URL": ({"broker_url": "redis://:{secret}@{server}/0"}, {}),
    "both URLs": ({"broker_url": "redis://u:{secret}@{server}/0", "result_backend": "redis://u:{secret}@{server}/1"}, {}),
    "the environment": ({}, {"CELERY_BROKER_URL": "redis://:{secret}@{server}/0",
                             "CELERY_RESULT_BACKEND": "redis://:{secret}@{server}/0"}),
    "a list of URLs": ({"broker_url": ["redis://:{secret}@127.0.0.1:1/0", "redis://:{secret}@{server}/0"]}, {}),
    "a list in a text": ({"broker_url": "redis://:{secret}@127.0.0.1:1/0;redis://:{secret}@{server}/0"}, {}),
    "redis_password": ({"broker_url": "redis://{server}/0", "result_backend": "redis://{server}/0",
                        "redis_username": "u", "redis_password": "{secret}"}, {}),
    "the query": ({"broker_url": "redis://{server}/0?password={secret}"}, {}),
    "TLS": ({"broker_url": "rediss://:{secret}@{server}/0?ssl_cert_reqs=none"}, {}),
    "Sentinel": ({"broker_url": "sentinel://:{secret}@{server}/0", "broker_transport_options": {
        "master_name": "m", "sentinel_kwargs": {"password": "{secret}"}}}, {}),
    "Sentinel of the backend": ({"broker_url": "redis://{server}/0", "result_backend": "sentinel://:{secret}@{server}/0",
                                 "result_backend_transport_options": {
        "master_name": "m", "sentinel_kwargs": {"password": "{secret}"}}}, {}),
    "the security key": ({"broker_url": "redis://{server}/0", "security_key_password": "{secret}"}, {}),
    "no URL at all": ({"broker_url": "redis://:{secret}@[::1"}, {}),
    "a port that is none": ({"broker_url": "redis://:{secret}@127.0.0.1:port/0"}, {}),
    "a database that is none": ({"broker_url": "redis://:{secret}@127.0.0.1:1/x"}, {}),
    "a scheme that is none": ({"broker_url": "rebis://:{secret}@127.0.0.1:1/0"}, {}),
    "a host that is none": ({"broker_url": "redis://:{secret}@no.such.host.invalid:1/0"}, {}),
    "a wrong kind": ({"broker_url": {"url": "redis://:{secret}@127.0.0.1:1/0"}}, {}),
    "a misspelt setting": ({"broker_urll": "redis://:{secret}@127.0.0.1:1/0"}, {}),
    "a wrong kind of option": ({"broker_url": "redis://{server}/0", "broker_transport_options": "{secret}"}, {}),
    "an unknown option": ({"broker_url": "redis://{server}/0", "broker_transport_options": {"passwort": "{secret}"}}, {}),
    "the settings of a plugin": ({"broker_url": "redis://{server}/0", "plugins": {"demo": {"key": "{secret}"}}}, {}),
}


def filled(settings, server):
    text = json.dumps(settings).replace("{secret}", SECRET).replace("{server}", server)
    return json.loads(text)


@pytest.mark.parametrize("place", PLACES)
def test_no_password_is_ever_shown(stage, redis_server, place, tmp_path):
    """Also where it is refused, or the server is none, in all levels, by a restart and by a
    look at what the worker is at."""
    settings, env = (filled(part, f"127.0.0.1:{redis_server.port}") for part in PLACES[place])
    redis_server.client().acl_setuser("u", enabled=True, passwords=[f"+{SECRET}"], keys="*", channels="*",
                                      commands=["+@all"])
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    process = stage.process(Process(
        [PETIOLE, "worker", "-A", "demo", "-c", "1", "-l", "DEBUG", "--config", config, "--log-format=json"],
        env={**clean_environment(), **env}, cwd=LIVE))
    started = r"ready\.|Cannot connect|\"petiole worker: "
    if "petiole worker: " not in process.wait_line(started).group():
        process.signal(signal.SIGUSR1)
        process.wait_line("requests: ")
        process.signal(signal.SIGHUP)
        process.wait_line("Warm shutdown")
        again = next(i for i, line in enumerate(process.lines) if "Warm shutdown" in line)
        process.wait_line(started, since=again)
        process.signal(signal.SIGTERM)
    process.wait_exit()
    assert SECRET not in process.text
    objects(process.lines)
