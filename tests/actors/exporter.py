# SPDX-License-Identifier: Apache-2.0
"""What celery-exporter makes of a worker's events and replies: the same rules (which event
counts where, under which labels, and what is read from `stats` and `active_queues`) over
Celery's own State. Run in an environment with Celery; a line on stdin asks for the counts
so far, which it prints as JSON."""

import collections
import json
import re
import sys
import threading

from celery import Celery
from celery.utils import nodesplit

COUNTED = {f"task-{name}" for name in ("sent", "received", "started", "succeeded", "failed", "rejected",
                                       "revoked", "retried")}


class Exporter:
    def __init__(self, broker):
        self.app = Celery(broker=broker)
        self.state = self.app.events.State()
        self.counts, self.gauges = collections.Counter(), {}

    def on_event(self, event):
        kind = event["type"]
        if kind == "worker-heartbeat":
            (worker, _), _ = self.state.event(event)
            self.gauges["worker_up", nodesplit(event["hostname"])[1]] = int(worker.alive)
            self.gauges["worker_tasks_active", nodesplit(event["hostname"])[1]] = worker.active or 0
        elif kind in ("worker-online", "worker-offline"):
            self.gauges["worker_up", nodesplit(event["hostname"])[1]] = int(kind == "worker-online")
        elif kind in COUNTED:
            self.on_task(kind, event)

    def on_task(self, kind, event):
        self.state.event(event)
        task = self.state.tasks.get(event["uuid"])
        labels = [task.name, nodesplit(task.hostname)[1], getattr(task, "queue", "celery")]
        if kind == "task-failed":
            named = re.match(r"^(\w+)\(", task.exception)
            labels.append(named.group(1) if named else "UnknownException")
        if kind == "task-succeeded":
            assert task.runtime >= 0
            self.counts[("task_runtime", *labels)] += 1
        self.counts[(kind.replace("-", "_"), *labels)] += 1

    def of_queues(self):
        inspect = self.app.control.inspect()
        processes = {worker: len(stats["pool"].get("processes", [])) for worker, stats in (inspect.stats() or {}).items()}
        for worker, queues in (inspect.active_queues() or {}).items():
            for queue in queues:
                self.gauges["active_worker_count", queue["name"]] = 1
                self.gauges["active_process_count", queue["name"]] = processes.get(worker, 0)

    def listen(self):
        with self.app.connection() as connection:
            receiver = self.app.events.Receiver(connection, handlers={"*": self.on_event})
            receiver.capture(limit=None, timeout=None, wakeup=True)

    def answer(self, line):
        if line == "queues":
            self.of_queues()
        return {"counts": sorted([list(k), v] for k, v in list(self.counts.items())),
                "gauges": sorted([list(k), v] for k, v in list(self.gauges.items()))}


if __name__ == "__main__":
    exporter = Exporter(sys.argv[1])
    threading.Thread(target=exporter.listen, daemon=True).start()
    for line in sys.stdin:
        print(json.dumps(exporter.answer(line.strip())), flush=True)
