# SPDX-License-Identifier: Apache-2.0
"""Petiole beside Celery and beside the limit, in one run: throughput, memory, start and
latency. The runs alternate, so that a busy machine is busy for all; figures are medians.
Nothing here passes or fails."""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from celery import Celery  # noqa: E402

from actors import wire  # noqa: E402
from actors.stage import Stage  # noqa: E402
from actors.worker import BUILD  # noqa: E402

KINDS = {"petiole": "petiole", "celery": "new"}
BATCH = 64


def fill(client, n):
    for start in range(0, n, 5000):
        pipe = client.pipeline(transaction=False)
        for i in range(start, min(n, start + 5000)):
            id = f"00000000-0000-4000-8000-{i:012d}"
            message = wire.envelope("demo.echo", (None,), id=id)
            pipe.lpush("celery", json.dumps(message))
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


def throughput_limit(n):
    stage = Stage()
    try:
        server = new_redis(stage)
        fill(server.client(), n)
        out = subprocess.run([BUILD / "tests/bench/limit_redis", server.socket, "celery", str(BATCH)],
                             capture_output=True, text=True, check=True).stdout
        return int(re.search(r"(\d+) tasks/s", out)[1])
    finally:
        stage.close()


def throughput(kind, n, late):
    """Also the memory afterwards."""
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        fill(client, n)
        worker = stage.worker(KINDS[kind], server, broker=server.socket_url(),
                              **worker_options(kind, config={"task_acks_late": late}))
        rate = drained(client, n)
        return rate, pss_mb(worker)
    finally:
        stage.close()


def idle_memory(kind):
    stage = Stage()
    try:
        server = new_redis(stage)
        return pss_mb(start_worker(stage, kind, server))
    finally:
        stage.close()


def start_ms(kind):
    """From exec to the first result, its message being there already."""
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        pubsub = client.pubsub()
        pubsub.psubscribe("celery-task-meta-*")
        pubsub.get_message(timeout=5)
        client.lpush("celery", json.dumps(wire.envelope("demo.echo", (None,))))
        begun = time.perf_counter()
        stage.worker(KINDS[kind], server, **worker_options(kind))
        assert pubsub.get_message(timeout=30), "no result within 30 s"
        return (time.perf_counter() - begun) * 1000
    finally:
        stage.close()


def latency_ms(kind, n):
    stage = Stage()
    try:
        server = new_redis(stage)
        start_worker(stage, kind, server)
        app = Celery("bench", broker=server.url(), backend=server.url())
        samples = []
        for i in range(n + 20):
            begun = time.perf_counter()
            app.send_task("demo.echo", args=(i,)).get(timeout=20)
            samples.append((time.perf_counter() - begun) * 1000)
        samples = sorted(samples[20:])
        return samples[n // 2], samples[int(n * 0.99)]
    finally:
        stage.close()


def table(rows):
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("  ".join(str(v).ljust(w) if i == 0 else str(v).rjust(w)
                        for i, (v, w) in enumerate(zip(row, widths))))
        if n == 0:
            print("  ".join("-" * w for w in widths))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--celery-tasks", type=int, default=4_000)
    options = parser.parse_args()

    rates = {"limit": [], "petiole": [], "petiole late": [], "celery": [], "celery late": []}
    after = {"petiole": [], "celery": []}
    for round in range(options.rounds):
        rates["limit"].append(throughput_limit(options.tasks))
        for kind, n in (("petiole", options.tasks), ("celery", options.celery_tasks)):
            for late in (False, True):
                rate, pss = throughput(kind, n, late)
                rates[f"{kind} late" if late else kind].append(rate)
                if not late:
                    after[kind].append(pss)
        print(f"round {round + 1} of {options.rounds}: " + ", ".join(
            f"{name} {values[-1]:,.0f}/s" for name, values in rates.items()), file=sys.stderr)
    median = {name: statistics.median(values) for name, values in rates.items()}
    idle = {k: statistics.median(idle_memory(k) for _ in range(3)) for k in KINDS}
    starts = {k: statistics.median(start_ms(k) for _ in range(options.rounds)) for k in KINDS}
    waits = {k: latency_ms(k, 500) for k in KINDS}

    def row(name, ours, theirs, form, better):
        ratio = ours / theirs if better == "more" else theirs / ours
        return [name, form.format(ours), form.format(theirs), f"{ratio:,.1f} x"]

    print(f"\nNo-op task, Redis on a Unix socket, 2 children, medians of {options.rounds} "
          f"alternating runs\n")
    table([
        ["", "petiole", "Celery", "ratio"],
        row("tasks/s, results stored", median["petiole"], median["celery"], "{:,.0f}", "more"),
        row("tasks/s, late acknowledgement", median["petiole late"], median["celery late"], "{:,.0f}", "more"),
        row("PSS idle, MB", idle["petiole"], idle["celery"], "{:.1f}", "less"),
        row(f"PSS after {options.tasks:,} / {options.celery_tasks:,} tasks, MB",
            statistics.median(after["petiole"]), statistics.median(after["celery"]), "{:.1f}", "less"),
        row("start to first result, ms", starts["petiole"], starts["celery"], "{:,.1f}", "less"),
        row(".delay() to .get(), p50, ms", waits["petiole"][0], waits["celery"][0], "{:.2f}", "less"),
        row(".delay() to .get(), p99, ms", waits["petiole"][1], waits["celery"][1], "{:.2f}", "less"),
    ])
    print(f"\nThe limit, a C loop that runs no task, batch {BATCH}: {median['limit']:,.0f} tasks/s; "
          f"petiole reaches {100 * median['petiole'] / median['limit']:.0f} % of it "
          f"({100 * median['petiole late'] / median['limit']:.0f} % with late acknowledgement).")


if __name__ == "__main__":
    main()
