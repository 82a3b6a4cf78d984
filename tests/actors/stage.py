# SPDX-License-Identifier: Apache-2.0
"""The servers and workers of one test, and their certain end."""

import os
import shutil
import tempfile

from .redis_server import RedisServer
from .worker import Worker


class Stage:
    """What one test, or for the reference one session, has started."""

    def __init__(self):
        self._directory = tempfile.mkdtemp(prefix="petiole-test-")
        self._ends = []
        self.workers = []

    def path(self, name):
        return os.path.join(self._directory, name)

    def redis(self, **options):
        directory = self.path(f"redis{len(self._ends)}")
        os.mkdir(directory)
        server = RedisServer(directory, **options)
        self._ends.append(server.kill)
        return server

    def worker(self, kind, server, *, broker=None, ready=True, **options):
        broker = broker or server.url()
        worker = Worker(kind, broker, **options)
        self._ends.append(worker.kill)
        self.workers.append(worker)
        return worker.wait_ready() if ready else worker

    def process(self, process):
        self._ends.append(process.kill)
        return process

    def alarms(self):
        return [f"{w.name}: {line}" for w in self.workers for line in w.alarms()]

    def close(self):
        for end in reversed(self._ends):
            end()
        shutil.rmtree(self._directory, ignore_errors=True)
