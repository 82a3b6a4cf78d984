# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the live and fault suites. Every server and worker a test uses is its
own, on free ports and sockets, and is gone when the test is."""

import json
import os
import shutil
import tempfile
import time

import pytest

from actors import meta as metas
from actors.client import Client
from actors.redis_server import RedisServer
from actors.worker import BUILD, PETIOLE, PYTHON, Worker


def pytest_addoption(parser):
    parser.addoption(
        "--worker", default="petiole", choices=["petiole", "new"],
        help="what stands in petiole's place; 'new' proves the tests on a Python worker")


def pytest_configure(config):
    config.addinivalue_line("markers", "petiole_only: promises that a Python worker does not make")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--worker") == "petiole":
        if not PETIOLE.exists():
            raise pytest.UsageError(f"{PETIOLE} is missing: run scripts/setup")
        return
    skip = pytest.mark.skip(reason="a Python worker does not promise this")
    for item in items:
        if item.get_closest_marker("petiole_only"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def kind(request):
    return request.config.getoption("--worker")


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


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.close()
    assert not stage.alarms()


@pytest.fixture
def redis_server(stage):
    return stage.redis()


@pytest.fixture
def broker(redis_server):
    client = redis_server.client()
    yield client
    client.close()


@pytest.fixture
def start(stage, redis_server, kind):
    """start(**options) starts the worker under test on this test's Redis."""
    return lambda **options: stage.worker(options.pop("kind", kind), redis_server, **options)


@pytest.fixture
def worker(start):
    return start()


@pytest.fixture(scope="session")
def clients():
    running = {version: Client(python) for version, python in PYTHON.items()}
    yield running
    for client in running.values():
        client.close()


@pytest.fixture(params=["old", "new"])
def version(request):
    """The producer's Celery: 5.3.4 with redis-py 5.0.1, or the newest."""
    return request.param


@pytest.fixture
def producer(clients, redis_server):
    """A producer of the newest Celery on this test's Redis."""
    clients["new"].connect(redis_server.url(), redis_server.url())
    return clients["new"]


class Watcher:
    """Every meta published in a Redis database, in order."""

    def __init__(self, server, db=0):
        self._client = server.client(db)
        self._pubsub = self._client.pubsub()
        self._pubsub.psubscribe("celery-task-meta-*")
        assert self._pubsub.get_message(timeout=5)["type"] == "psubscribe"

    def until_final(self, id, worker, seconds=20):
        """The raw metas of one task up to its final state."""
        deadline, found = time.monotonic() + seconds, []
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"{id} reached no final state within {seconds} s: {found}"
            assert worker.running(), f"{worker.name} died:\n{worker.text}"
            message = self._pubsub.get_message(timeout=min(left, 1))
            if not message or not message["channel"].decode().endswith(id):
                continue
            found.append(message["data"])
            if json.loads(message["data"])["status"] in ("SUCCESS", "FAILURE", "REVOKED"):
                return found

    def close(self):
        self._pubsub.close()
        self._client.close()


class Side:
    """One worker with its Redis and a producer: half of a comparison."""

    def __init__(self, stage, kind, client, config=None, **options):
        self.server = stage.redis()
        self.broker = self.server.client()
        self.worker = stage.worker(kind, self.server, config=config, **options)
        self.client = client
        self.kind = kind

    def connect(self, client):
        self.client = client
        client.connect(self.server.url(), self.server.url())

    def call(self, name, *args, _options=None, **kwargs):
        """Sends, waits for the end, and says what was stored on the way."""
        self.connect(self.client)
        watcher = Watcher(self.server)
        try:
            id = self.client.send(name, *args, _options=_options, **kwargs)
            published = watcher.until_final(id, self.worker)
        finally:
            watcher.close()
        key = f"celery-task-meta-{id}"
        stored = self.broker.get(key)
        assert stored == published[-1], "what is stored is not what was published"
        return Outcome(id, [metas.load(raw) for raw in published], self.broker.ttl(key),
                       self.client.get(id))


class Outcome:
    def __init__(self, id, published, ttl, got):
        self.id, self.published, self.ttl, self.got = id, published, ttl, got
        self.meta = published[-1]

    def comparable(self):
        return {"published": [metas.comparable(m) for m in self.published],
                "ttl": self.ttl, "got": self._without_id(self.got)}

    def _without_id(self, value):
        text = json.dumps(value, default=repr).replace(self.id, "<id>")
        return metas.JOB.sub("Job: <n>", text)


class Pair:
    """The worker under test and a Python worker, given the same calls."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def same(self, name, *args, _options=None, **kwargs):
        """Makes the call on both and demands the same outcome; returns ours."""
        ours = self.ours.call(name, *args, _options=_options, **kwargs)
        theirs = self.theirs.call(name, *args, _options=_options, **kwargs)
        assert ours.comparable() == theirs.comparable()
        return ours


@pytest.fixture(scope="session")
def reference_stage():
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def references(reference_stage):
    return {}


@pytest.fixture
def reference(references, reference_stage, clients):
    """reference(config, **options): a Python worker so configured, kept for the session
    because it takes seconds to start."""

    def get(config=None, **options):
        key = json.dumps([config, options], sort_keys=True, default=str)
        if key not in references:
            references[key] = Side(reference_stage, "new", clients["new"], config, **options)
        return references[key]

    return get


@pytest.fixture
def pair(stage, kind, reference, clients, version):
    """pair(config, **options): both workers so configured, and a producer of `version`."""

    def get(config=None, **options):
        ours = Side(stage, kind, clients[version], config, **options)
        theirs = reference(config, **options)
        theirs.client = clients[version]
        return Pair(ours, theirs)

    return get


@pytest.fixture(scope="session")
def build():
    return BUILD
