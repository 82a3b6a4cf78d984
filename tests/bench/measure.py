# SPDX-License-Identifier: Apache-2.0
"""What the sections of the benchmark share: full queues, workers, processor time, memory
and tables."""

import json
import pathlib
import re
import resource
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from actors import wire  # noqa: E402
from actors.stage import Stage  # noqa: E402
from actors.worker import BUILD, clean_environment  # noqa: E402

KINDS = {"petiole": "petiole", "celery": "new"}
BATCH = 64


# Stands in a message for its id and tag while it is made once for all.
PLACE = "00000000-0000-4000-8000-id-of-a-task"
PIPE_BYTES = 4 << 20


def task_id(i):
    return f"00000000-0000-4000-8000-{i:012d}"


def fill(client, n, first=0, argument=None, **headers):
    """`n` messages for demo.echo, their ids counted from `first`; written in pipelines of a
    few megabytes. What is shown of a long argument is cut, as a producer does."""
    headers = {"argsrepr": f"({repr(argument)[:1000]},)", **headers}
    form = json.dumps(wire.envelope("demo.echo", (argument,), id=PLACE, headers=headers,
                                    properties={"delivery_tag": PLACE}))
    step = max(1, min(5000, PIPE_BYTES // len(form)))
    for start in range(first, first + n, step):
        pipe = client.pipeline(transaction=False)
        for i in range(start, min(first + n, start + step)):
            pipe.lpush("celery", form.replace(PLACE, task_id(i)))
        pipe.execute()


# Every task of a run has its own key, so DBSIZE counts them; a few keys more are the
# worker's own. Once nothing waits and nothing is held, all are stored.
COUNT = """
local held = redis.call('EXISTS', 'celery', 'unacked', 'unacked_index')
return {redis.call('DBSIZE') - held, held}
"""


def drained(client, n, deadline_s=300):
    """Tasks a second between the first and the last result that Redis shows."""
    first = None
    while True:
        seen, held = client.eval(COUNT, 0)
        now = time.perf_counter()
        if first is None and seen > 10:
            first, seen_first = now, seen
        if first and held == 0 and seen >= n:
            return (n - seen_first) / (now - first)
        if first and now - first > deadline_s:
            raise SystemExit(f"only {seen} of {n} results within {deadline_s} s")
        time.sleep(0.01)


LEFT = "return redis.call('LLEN', 'celery') + redis.call('HLEN', 'unacked')"


def emptied(client, n, deadline_s=300):
    """Messages a second from the first that is gone from Redis to the last."""
    begun, first = time.perf_counter(), None
    while left := client.eval(LEFT, 0):
        now = time.perf_counter()
        if first is None and left < n:
            first, left_first = now, left
        if now - begun > deadline_s:
            raise SystemExit(f"{left} of {n} messages are left after {deadline_s} s")
        time.sleep(0.005)
    if first is None:
        raise SystemExit(f"{n} messages were gone before any was seen to go: give more")
    return left_first / (time.perf_counter() - first)


def say(line):
    print(line, file=sys.stderr, flush=True)


def pss_mb(process):
    total = 0
    for pid in process.family():
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M)[1])
        except OSError:
            pass
    return total / 1024


def worker_options(kind, **more):
    return {"loglevel": "WARNING", "ready": False,
            **({"plugins": "demo,documents"} if kind == "petiole" else {}), **more}


def start_worker(stage, kind, server, **more):
    """Ready, known by a task's result: a quiet worker prints no line to wait for."""
    worker = stage.worker(KINDS[kind], server, **worker_options(kind, **more))
    server.client().lpush("celery", json.dumps(wire.envelope("demo.echo", (None,))))
    watch_result(server)
    return worker


def watch_result(server):
    client = server.client()
    pubsub = client.pubsub()
    pubsub.psubscribe("celery-task-meta-*")
    while client.dbsize() == 0 or not client.keys("celery-task-meta-*"):
        message = pubsub.get_message(timeout=0.2)
        if message and message["type"] == "pmessage":
            break
    pubsub.close()
    client.close()


def new_redis(stage):
    return stage.redis(notify_keyspace_events="")


def throughput_limit(n, batch=BATCH):
    stage = Stage()
    try:
        server = new_redis(stage)
        fill(server.client(), n)
        out = subprocess.run([BUILD / "tests/bench/limit_redis", server.socket, "celery", str(batch)],
                             capture_output=True, text=True, check=True).stdout
        return int(re.search(r"(\d+) tasks/s", out)[1])
    finally:
        stage.close()


def throughput(kind, n, late, prefetch=4):
    """Also the memory afterwards."""
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        fill(client, n)
        worker = stage.worker(KINDS[kind], server, broker=server.socket_url(),
                              **worker_options(kind, config={"task_acks_late": late, "worker_prefetch_multiplier": prefetch}))
        rate = drained(client, n)
        return rate, pss_mb(worker)
    finally:
        stage.close()


def cpu_us(pid):
    """Processor time that a process has used, from the scheduler, in microseconds."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1000


def run(argv, code=0):
    """(processor ms, ms) of one call of a program, which must end with this code."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(a) for a in argv], env=clean_environment(), capture_output=True, text=True)
    ms = (time.perf_counter() - start) * 1000
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == code, f"{argv}: {done.stdout} {done.stderr}"
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000, ms


def table(rows):
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("  ".join(str(v).ljust(w) if i == 0 else str(v).rjust(w)
                        for i, (v, w) in enumerate(zip(row, widths))))
        if n == 0:
            print("  ".join("-" * w for w in widths))
