# SPDX-License-Identifier: Apache-2.0
"""The banner and the log lines that people's tools read, in Celery's forms."""

import re

import pytest

PREFIX = r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: "
MAIN = r"/MainProcess\] "
CHILD = r"/ForkPoolWorker-\d+\] "
ID = r"\[[0-9a-f-]{36}\]"

BANNER = [
    r"^ *-------------- w1@h1 (petiole )?v\S+", r"^- \*\* ---------- \[config\]$",
    r"^- \*\* ---------- \.> app: +\S+", r"^- \*\* ---------- \.> transport: +redis://(:\*\*@)?127\.0\.0\.1:\d+/0$",
    r"^- \*\* ---------- \.> results: +redis://127\.0\.0\.1:\d+/0$",
    r"^- \*\*\* --- \* --- \.> concurrency: 2 \(prefork\)$",
    r"^-- \*{7} ---- \.> task events: OFF( \(enable -E to monitor tasks in this worker\))?$",
    r"^ -------------- \[queues\]$", r"^ +\.> celery +exchange=celery\(direct\) key=celery$",
    r"^\[tasks\]$", r"^  \. demo\.add$", r"^  \. demo\.sleep$"]

LINES = [
    PREFIX + "INFO" + MAIN + r"Connected to redis://(:\*\*@)?127\.0\.0\.1:\d+/0$",
    PREFIX + "INFO" + MAIN + r"w1@h1 ready\.$",
    PREFIX + "INFO" + MAIN + rf"Task demo\.add{ID} received$",
    PREFIX + "INFO" + CHILD + rf"Task demo\.add{ID} succeeded in \d+\.\d+(e-\d+)?s: 3$",
    PREFIX + "INFO" + CHILD + rf"Task demo\.echo{ID} succeeded in \S+s: {{'k': 'naïve', 'n': None}}$",
    PREFIX + "ERROR" + CHILD + rf"Task demo\.fail{ID} raised unexpected: ValueError\('wrong'\)$",
    r"^Traceback \(most recent call last\):$", r"^ValueError: wrong$",
    PREFIX + "INFO" + CHILD + rf"Task demo\.retry{ID} retry: Retry in 0\.1s(: 1 of 1)?$",
    PREFIX + "WARNING" + MAIN + rf"Soft time limit \(0\.3s\) exceeded for demo\.sleep{ID}$",
    PREFIX + "ERROR" + CHILD + rf"Task demo\.sleep{ID} raised unexpected: SoftTimeLimitExceeded\(\)$",
    PREFIX + "ERROR" + MAIN + r"Task handler raised error: TimeLimitExceeded\(0\.3\)$",
    PREFIX + "ERROR" + MAIN + rf"Hard time limit \(0\.3s\) exceeded for demo\.sleep{ID}$",
    PREFIX + "ERROR" + MAIN + r"Process 'ForkPoolWorker-\d+' pid:\d+ exited with 'signal 11 \(SIGSEGV\)'$",
    PREFIX + "ERROR" + MAIN + r"Task handler raised error: WorkerLostError\('Worker exited prematurely: "
                              r"signal 11 \(SIGSEGV\) Job: \d+\.'\)",
    PREFIX + "INFO" + MAIN + rf"Discarding revoked task: demo\.add{ID}$",
    r"^worker: Warm shutdown \(MainProcess\)$",
]


@pytest.fixture(scope="module")
def log(reference_stage, kind, clients):
    """The log of a worker that has met everything the lines above speak of."""
    server = reference_stage.redis()
    worker = reference_stage.worker(kind, server)
    producer = clients["new"]
    producer.connect(server.url(), server.url())
    for id in [
            producer.send("demo.add", 1, 2), producer.send("demo.echo", {"k": "naïve", "n": None}),
            producer.send("demo.fail", "ValueError", "wrong"), producer.send("demo.retry", 1, 0.1),
            producer.send("demo.sleep", 9, _options={"soft_time_limit": 0.3}),
            producer.send("demo.sleep", 9, _options={"time_limit": 0.3}),
            producer.send("demo.crash", "segfault"),
            producer.send("demo.add", 1, 2, _options={"expires": "2001-01-01T00:00:00+00:00"})]:
        producer.get(id)
    assert worker.stop() == 0
    return worker


@pytest.mark.parametrize("pattern", BANNER + LINES)
def test_the_log_has_celerys_line(log, pattern):
    assert any(re.search(pattern, line) for line in log.lines), log.text


def test_a_long_result_is_cut_in_the_log(start, producer):
    worker = start()
    producer.get(producer.send("demo.echo", "x" * 10_000))
    assert len(worker.wait_line("demo.echo.* succeeded in.*").group()) < 1300


def test_warnings_only_means_no_info(start, producer):
    worker = start(loglevel="WARNING", ready=False)
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    worker.stop()
    assert not worker.count("INFO/")
