# SPDX-License-Identifier: Apache-2.0
"""celery-exporter's counters and gauges: the same over petiole's events and replies as over a
Python worker's, and the same as petiole serves by itself."""

import json
import re
import subprocess
import urllib.request

import pytest

from actors.redis_server import free_port
from actors.worker import PYTHON, ROOT, clean_environment

CALLS = [("demo.add", (1, 2), {}), ("demo.add", (3, 4), {}), ("demo.fail", ("ValueError", "wrong"), {}),
         ("demo.fail", ("KeyError", "absent"), {}), ("demo.retry", (2, 0), {}),
         ("demo.add", (1, 2), {"expires": "2001-01-01T00:00:00+00:00"})]


class Exported:
    """A worker, and what an exporter says of it."""

    def __init__(self, stage, kind, client, options=()):
        self.redis = stage.redis()
        self.exporter = subprocess.Popen(
            [PYTHON["new"], ROOT / "tests/actors/exporter.py", self.redis.url()], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self.redis.until(lambda c: c.exists("_kombu.binding.celeryev"), what="the exporter listens")
        self.worker = stage.worker(kind, self.redis, options=["-E", *options])
        client.connect(self.redis.url(), self.redis.url(), task_send_sent_event=True)
        for name, args, options in CALLS:
            client.get(client.send(name, *args, _options=options))

    def ask(self, what="counts"):
        self.exporter.stdin.write(what + "\n")
        self.exporter.stdin.flush()
        answer = json.loads(self.exporter.stdout.readline())
        return {tuple(k): v for k, v in answer["counts"]}, {tuple(k): v for k, v in answer["gauges"]}

    def settled(self):
        """The counts once every call's end is among them."""
        def ended():
            counts, _ = self.ask()
            ends = sum(n for (name, *_), n in counts.items()
                       if name in ("task_succeeded", "task_failed", "task_revoked"))
            return ends == len(CALLS) and counts

        return self.redis.until(lambda _: ended(), what="all ends", explain=lambda: str(self.ask()))

    def close(self):
        self.exporter.stdin.close()
        self.exporter.wait(10)


@pytest.fixture
def exported(stage, clients):
    made = []

    def get(kind, **options):
        made.append(Exported(stage, kind, clients["new"], **options))
        return made[-1]

    yield get
    for one in made:
        one.close()


def by_workers(counts):
    """task-sent comes from the producer, whose host has a name of its own, and lends it to what
    the exporter hears right behind it: a retry that is received. It is also the only event that
    names an expired task, and may come behind task-revoked."""
    seen = {}
    for key, n in counts.items():
        name = None if key[0] == "task_revoked" else key[1]
        host = None if key[0] == "task_received" else key[2]
        if key[0] != "task_sent":
            told = (key[0], name, host, *key[3:])
            seen[told] = seen.get(told, 0) + n
    return seen


def test_the_exporter_counts_the_same_as_of_a_python_worker(exported, kind):
    ours, theirs = by_workers(exported(kind).settled()), by_workers(exported("new").settled())
    assert ours == theirs
    assert ours["task_succeeded", "demo.add", "h1", "celery"] == 2
    assert ours["task_failed", "demo.fail", "h1", "celery", "ValueError"] == 1
    assert ours["task_retried", "demo.retry", "h1", "celery"] == 2


def test_its_gauges_follow_the_worker(exported, kind):
    one = exported(kind)
    one.redis.until(lambda _: one.ask()[1].get(("worker_up", "h1")) == 1, what="it is up")
    _, gauges = one.ask("queues")
    assert gauges["active_worker_count", "celery"] == 1 and gauges["active_process_count", "celery"] == 2
    one.worker.stop()
    one.redis.until(lambda _: one.ask()[1].get(("worker_up", "h1")) == 0, what="it is down")


@pytest.mark.petiole_only
def test_petiole_serves_the_same_by_itself(exported):
    port = free_port()
    one = exported("petiole", options=["--http", f"127.0.0.1:{port}"])
    counts = by_workers(one.settled())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    served = {}
    for name, labels, value in re.findall(r"^celery_(task_\w+?)(?:_total|_count)\{(.*)\} (\S+)$", text, re.M):
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        key = (name, label["name"], label["hostname"], label["queue_name"], *(
            [label["exception"]] if "exception" in label else []))
        if float(value):
            served[key] = float(value)
    served = by_workers({k: v for k, v in served.items() if k[0] != "task_queue_wait_time"})
    assert served == counts
