# SPDX-License-Identifier: Apache-2.0
"""Chains and chords of growing length beside Celery: time and Redis commands for each
member, and how much more each costs when there are ten times as many. A producer has
sent the workflow before, and it starts when it is moved to the worker's database.
Medians of alternating runs; nothing passes or fails."""

import argparse
import gc
import statistics
import time

from celery import Celery, chain, chord, signature

from measure import KINDS, Stage, cpu_us, new_redis, say, start_worker, table

STAGED = 1  # the database a workflow is sent to before it starts


def sig(app, *args, **kwargs):
    return signature("demo.echo", args=args, kwargs=kwargs, app=app)


def chain_of(app, n):
    return chain(sig(app, 0), *(sig(app) for _ in range(n - 1))), n


def chord_of(app, n):
    return chord([sig(app, i) for i in range(n)], sig(app)), n + 1


def nested(app, n):
    """A chord of n chains, each with a chord of n parts within it."""
    def inner():
        return chain(sig(app, 0), chord([signature("demo.add", args=(i, 1), immutable=True, app=app)
                                         for i in range(n)], sig(app)), sig(app))

    return chord([inner() for _ in range(n)], sig(app)), n * (n + 3) + 1


# Name, what makes it, its sizes for petiole and Celery.
SHAPES = [("chain", chain_of, (10, 100, 1000)),
          ("chord", chord_of, (10, 100, 1000, 10_000)),
          ("chord of chains of chords", nested, (3, 10, 30))]


class Bench:
    """One worker and its Redis, for many workflows one after the other."""

    def __init__(self, kind):
        self._stage = Stage()
        self._server = new_redis(self._stage)
        self.client = self._server.client()
        self._worker = start_worker(self._stage, kind, self._server, broker=self._server.socket_url())
        self._app = Celery("bench", broker=self._server.url(STAGED), backend=self._server.url())

    def run(self, make, n, deadline_s=600):
        """What a member of the workflow costs: seconds, commands, microseconds of Redis."""
        workflow, members = make(self._app, n)
        id = workflow.apply_async().id
        del workflow
        gc.collect()  # what was sent watches for its results until then
        pubsub = self.client.pubsub()
        pubsub.subscribe(f"celery-task-meta-{id}")
        pubsub.get_message(timeout=5)
        self.client.config_resetstat()
        redis_us, begun = cpu_us(self._server.process.pid), time.perf_counter()
        self._server.client(STAGED).move("celery", 0)
        message = pubsub.get_message(timeout=deadline_s)
        seconds = time.perf_counter() - begun
        redis_us = cpu_us(self._server.process.pid) - redis_us
        pubsub.close()
        if not message or b'"SUCCESS"' not in message["data"]:
            raise SystemExit(f"no result, but {message} within {deadline_s} s")
        commands = sum(c["calls"] for c in self.client.info("commandstats").values())
        return seconds / members, commands / members, redis_us / members

    def close(self):
        self._app.close()
        self._stage.close()


def measure(name, make, sizes, rounds, kinds):
    """{(kind, n): the medians of seconds, commands, microseconds of Redis}"""
    figures = {}
    for _ in range(rounds):
        for kind in kinds:
            bench = Bench(kind)
            try:
                for n in sizes:
                    repeats = max(1, 100 // n)  # a short one says little
                    found = [bench.run(make, n) for _ in range(repeats)]
                    figures.setdefault((kind, n), []).append([statistics.median(c) for c in zip(*found)])
                    seconds, commands, _ = figures[kind, n][-1]
                    say(f"{name} of {n:,}, {kind}: {seconds * 1000:.3f} ms, {commands:.1f} commands a member")
            finally:
                bench.close()
    return {key: [statistics.median(c) for c in zip(*values)] for key, values in figures.items()}


def growth(figures, kind, sizes, n, what):
    """To the size before: 1 is linear."""
    before = sizes.index(n) - 1
    return f"{figures[kind, n][what] / figures[kind, sizes[before]][what]:.2f}" if before >= 0 else ""


def rows(name, sizes, figures, kinds):
    for n in sizes:
        row = [f"{name} of {n:,}"]
        for kind in kinds:
            seconds, commands, redis_us = figures[kind, n]
            row += [f"{seconds * 1000:.3f}", growth(figures, kind, sizes, n, 0), f"{commands:.1f}",
                    growth(figures, kind, sizes, n, 1), f"{redis_us:.0f}"]
        if len(kinds) == 2:
            row.append(f"{figures[kinds[1], n][0] / figures[kinds[0], n][0]:.1f} x")
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="no chain of 1,000 and no chord of 10,000")
    parser.add_argument("--only", choices=KINDS, help="one worker alone")
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(KINDS)

    head = [f"{kind} {what}" for kind in kinds for what in ("ms", "growth", "commands", "growth", "Redis us")]
    lines = [["for each member", *head, *(["ratio"] if len(kinds) == 2 else [])]]
    for name, make, sizes in SHAPES:
        sizes = [n for n in sizes if not options.quick or (make, n) not in ((chain_of, 1000), (chord_of, 10_000))]
        lines += rows(name, sizes, measure(name, make, sizes, options.rounds, kinds), kinds)
    table(lines)


if __name__ == "__main__":
    main()
