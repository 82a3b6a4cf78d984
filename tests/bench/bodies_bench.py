# SPDX-License-Identifier: Apache-2.0
"""Throughput with large bodies: one text of 1 kB, 100 kB or 5 MB as argument, early and
late acknowledgement, with and without results, beside Celery. The task is demo.echo, so
that a stored result is as large as the body. Medians of alternating runs; nothing passes
or fails."""

import argparse
import itertools
import statistics

from measure import KINDS, Stage, emptied, fill, new_redis, say, table, worker_options

# Name, bytes, then how many tasks for petiole and for Celery, and with --quick.
SIZES = [("1 kB", 1_000, (20_000, 1_000), (5_000, 400)),
         ("100 kB", 100_000, (1_500, 300), (500, 100)),
         ("5 MB", 5_000_000, (60, 30), (30, 15))]


def rate(kind, n, size, late, ignored):
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        fill(client, n, argument="x" * size)
        stage.worker(KINDS[kind], server, broker=server.socket_url(), **worker_options(
            kind, config={"task_acks_late": late, "task_ignore_result": ignored}))
        return emptied(client, n)
    finally:
        stage.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="shorter runs, about a minute a round")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 3)

    rows = [["body, acknowledgement, results", "petiole/s", "petiole MB/s", "Celery/s", "ratio"]]
    for (name, size, full, quick), late, ignored in itertools.product(
            SIZES, (False, True), (False, True)):
        row = f"{name}, {'late' if late else 'early'}, {'ignored' if ignored else 'stored'}"
        ours, theirs = [], []
        for _ in range(rounds):
            tasks, celery_tasks = quick if options.quick else full
            ours.append(rate("petiole", tasks, size, late, ignored))
            theirs.append(rate("celery", celery_tasks, size, late, ignored))
            say(f"{row}: petiole {ours[-1]:,.1f}/s, Celery {theirs[-1]:,.1f}/s")
        mine, celery = statistics.median(ours), statistics.median(theirs)
        rows.append([row, f"{mine:,.0f}", f"{mine * size / 1e6:,.0f}", f"{celery:,.1f}",
                     f"{mine / celery:.1f} x"])
    table(rows)


if __name__ == "__main__":
    main()
