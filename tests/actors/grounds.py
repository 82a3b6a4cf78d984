# SPDX-License-Identifier: Apache-2.0
"""The same workflow on a Python worker, on the worker under test, and on one of each
that share a queue; and that it is the same."""

import copy
import itertools
import json
import re
import time

import workflow_shapes

from .improvements import IMPROVEMENTS
from .aftermath import Recording, differences
from .statedb import write_state
from .tap import Tap

RUNS = itertools.count(1)
ENDED = re.compile(r"Task \S+\[\S+\] (succeeded in|raised |retry: |ignored|rejected)|"
                   r"Discarding revoked task")


def options_of(stage, kind):
    """petiole by itself would leave unknown tasks to others for an hour."""
    state = ["--statedb", write_state(stage, kind, [workflow_shapes.DOOMED])]
    return [*state, "--unknown", "reject"] if kind == "petiole" else state


class Ground:
    """One Redis, the workers on it, and its tap."""

    def __init__(self, stage, kinds, config=None):
        self.server = stage.redis()
        self.client = self.server.client()
        self.kinds = kinds
        self.workers = [
            stage.worker(kind, self.server, ready=False, config=config, hostname=f"w{n}@h1",
                         options=options_of(stage, kind))
            for n, kind in enumerate(kinds, 1)]
        self._tap = None

    def ready(self):
        for worker in self.workers:
            worker.wait_ready()
        self._tap = Tap(self.server)

    def run(self, producer, module, name, conf):
        """recording(): what there is of it, when nothing seems to go on any more."""
        self.check()
        for key in self.client.scan_iter("celery-task*-meta-*", count=1000):
            self.client.delete(key)
        producer.connect(self.server.url(), self.server.url(), **conf)
        run, before, published = next(RUNS), self._ended(), []
        result = producer.workflow(module, name, run)
        self._until_quiet(published, before, name)

        def recording():
            published.extend(self._tap.published())
            return Recording(self.client, run, published, result, producer.workflow_result())

        return recording

    def _ended(self):
        return sum(worker.count(ENDED) for worker in self.workers)

    def _is_open(self, queue, raw):
        """For whose end there will be a line in a log: not for that of an unknown task."""
        headers = json.loads(raw)["headers"]
        if headers["task"].startswith("there."):
            return not self.client.exists(f"celery-task-meta-{headers['id']}")
        return queue.split("\x06")[0] == "celery"

    def _until_quiet(self, published, before, name, seconds=30):
        """Until the workers have ended as many messages as were published."""
        deadline = time.monotonic() + seconds
        while True:
            marks = [worker.mark() for worker in self.workers]
            ended = self._ended() - before  # first: what ends has published before
            published += self._tap.published()
            missing = sum(self._is_open(*one) for one in published) - ended
            if missing == 0 and not self.client.hlen("unacked"):
                return
            assert time.monotonic() < deadline, (
                f"{name}: {missing} messages of {len(published)} did not end:\n" +
                "\n".join(worker.text[-4000:] for worker in self.workers))
            self.wait(marks, 0.5 if missing else 0.02)

    def wait(self, marks, seconds):
        """Until a worker says more; the time is for what none speaks of."""
        for worker, mark in zip(self.workers, marks):
            worker.wait_more(mark, seconds / len(marks))

    def check(self):
        late = self._tap.published()
        assert not late, f"published after the end of the run: {late}"
        for worker in self.workers:
            assert worker.running(), f"{worker.name} died:\n{worker.text[-4000:]}"

    def close(self):
        self.check()
        self._tap.close()


class Grounds:
    def __init__(self, stage, kind, config=None):
        self.theirs = Ground(stage, ["new"], config)
        self.ours = Ground(stage, [kind], config)
        self.mixed = Ground(stage, [kind, "new"], config)
        self.kind = kind
        for ground in self.all():
            ground.ready()

    def all(self):
        return [self.theirs, self.ours, self.mixed]

    def of(self, module, name):
        return Workflow(self, module, name)

    def check(self):
        for ground in self.all():
            ground.check()

    def close(self):
        for ground in self.all():
            ground.close()


class Workflow:
    """One shape on three grounds."""

    def __init__(self, grounds, module, name):
        self._grounds, self._module, self._name = grounds, module, name
        self._shape = workflow_shapes.named(module, name)

    def alone(self, producer):
        """The recording of it on the worker under test, whatever a Python worker does."""
        ground, deadline = self._grounds.ours, time.monotonic() + 10
        recording = self._run(ground, producer)
        while True:
            marks = [worker.mark() for worker in ground.workers]
            found = recording()
            if "pending" not in found.got or time.monotonic() > deadline:
                return found
            ground.wait(marks, 0.1)

    def same(self, producer):
        theirs = self._run(self._grounds.theirs, producer)()
        improvements = [IMPROVEMENTS[name] for name in self._shape.improves] \
            if self._grounds.kind == "petiole" else []
        self._compare(self._grounds.ours, producer, theirs, improvements)
        if not improvements:  # else what comes of it depends on who takes what
            self._compare(self._grounds.mixed, producer, theirs, [])

    def _run(self, ground, producer):
        return ground.run(producer, self._module, self._name, self._shape.conf)

    def _compare(self, ground, producer, theirs, improvements, seconds=3):
        recording, deadline = self._run(ground, producer), time.monotonic() + seconds
        while True:
            marks = [worker.mark() for worker in ground.workers]
            ours, expected = recording(), copy.deepcopy(theirs)
            for improvement in improvements:
                improvement(ours, expected)
            found = differences(ours, expected)
            if not found:
                return
            assert time.monotonic() < deadline, "\n".join(
                [f"{self._name} on {' and '.join(ground.kinds)}:", *found])
            ground.wait(marks, 0.1)
