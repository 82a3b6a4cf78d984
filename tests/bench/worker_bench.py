# SPDX-License-Identifier: Apache-2.0
"""Petiole beside Celery and beside the limit, in one run: throughput, memory, start and
latency. The runs alternate, so that a busy machine is busy for all; figures are medians.
Nothing here passes or fails."""

import argparse
import json
import statistics
import sys
import time

from celery import Celery

from measure import (BATCH, KINDS, Stage, new_redis, pss_mb, start_worker, table, throughput,
                     throughput_limit, wire, worker_options)


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
