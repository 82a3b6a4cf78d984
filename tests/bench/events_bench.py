# SPDX-License-Identifier: Apache-2.0
"""What events cost: throughput of no-op tasks with -E and without, in one run and
alternating; medians of the rounds, and of their ratios. Then what a listener hears at full
load: each task's events in order, or how many the worker says that it dropped."""

import argparse
import base64
import json
import os
import statistics
import threading

from measure import KINDS, Stage, drained, fill, new_redis, say, table, worker_options
from actors.redis_server import free_port
from actors.web import Web

STORY = ["task-received", "task-started", "task-succeeded"]
CHANNEL = "/0.celeryev/task.*"


class Ear(threading.Thread):
    """Hears all that is told of tasks, as it lies on the channel; what it says is read
    afterwards, so that it keeps up."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.pubsub = client, client.pubsub()
        self.heard, self.ended = [], threading.Event()
        self.pubsub.psubscribe(CHANNEL)
        self.pubsub.get_message(timeout=5)
        self.start()

    def run(self):
        """Ends once nothing came for a second after the end."""
        while (message := self.pubsub.get_message(timeout=1)) or not self.ended.is_set():
            if message and message["type"] == "pmessage":
                self.heard.append(message["data"])

    def events(self):
        self.ended.set()
        self.join()
        return [event for data in self.heard for event in bodies(json.loads(data))]


def bodies(message):
    body = json.loads(base64.b64decode(message["body"]))
    return body if isinstance(body, list) else [body]


def rate(n, prefetch, *options):
    """Tasks a second, with nobody listening."""
    stage = Stage()
    try:
        server = new_redis(stage)
        fill(server.client(), n)
        start(stage, server, prefetch, *options)
        return drained(server.client(), n)
    finally:
        stage.close()


def start(stage, server, prefetch, *options):
    config = {"task_acks_late": True, "worker_prefetch_multiplier": prefetch}
    return stage.worker(KINDS["petiole"], server, broker=server.socket_url(),
                        **worker_options("petiole", config=config, options=options))


def heard(n, prefetch):
    """With a listener that keeps up: (tasks a second, tasks whose events came all and in
    order, events heard, whether clocks rise, events sent, events dropped)."""
    stage, port = Stage(), free_port()
    try:
        server = new_redis(stage)
        ear = Ear(server.client())
        fill(server.client(), n)
        worker = start(stage, server, prefetch, "-E", "--without-heartbeat", "--http", f"127.0.0.1:{port}")
        took = drained(server.client(), n)
        web = Web(worker, port=port)
        web.until(lambda: sum(counts(web)) >= len(STORY) * n, "every event sent or dropped")
        return took, *verdict(ear.events()), *counts(web)
    finally:
        stage.close()


def counts(web):
    metrics = web.metrics()
    return [int(metrics.value(f"petiole_events_{what}_total") or 0) for what in ("sent", "dropped")]


def verdict(events):
    stories = {}
    for event in events:
        stories.setdefault(event["uuid"], []).append(event["type"])
    clocks = [event["clock"] for event in events]
    return (sum(story == STORY for story in stories.values()), len(events),
            all(a < b for a, b in zip(clocks, clocks[1:])))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--prefetch", type=int, default=64, help="worker_prefetch_multiplier")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    off, on, ears = [], [], []
    for round in range(options.rounds):
        off.append(rate(options.tasks, options.prefetch))
        on.append(rate(options.tasks, options.prefetch, "-E"))
        ears.append(heard(options.tasks, options.prefetch))
        say(f"round {round + 1} of {options.rounds}: off {off[-1]:,.0f}/s, on {on[-1]:,.0f}/s, "
            f"heard {ears[-1][0]:,.0f}/s")
    ratios = [b / a for a, b in zip(off, on)]
    print(f"\n{options.tasks:,} no-op tasks, results stored, late acknowledgement, 2 children, medians of "
          f"{options.rounds} alternating rounds; load {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    table([["", "tasks/s", "of that without"],
           ["without -E", f"{statistics.median(off):,.0f}", "1"],
           ["with -E, nobody listens", f"{statistics.median(on):,.0f}", f"{statistics.median(ratios):.2f}"],
           ["with -E, one listener", f"{statistics.median(e[0] for e in ears):,.0f}",
            f"{statistics.median(e[0] / o for e, o in zip(ears, off)):.2f}"]])
    print()
    table([["round", "tasks", "told in order", "events heard", "clocks rise", "sent", "dropped"],
           *([i + 1, f"{options.tasks:,}", f"{whole:,}", f"{n:,}", "yes" if rising else "no", f"{sent:,}", f"{dropped:,}"]
             for i, (_, whole, n, rising, sent, dropped) in enumerate(ears))])


if __name__ == "__main__":
    main()
