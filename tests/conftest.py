# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the live and fault suites. Every server and worker a test uses is its
own, on free ports and sockets, and is gone when the test is."""

import json

import pytest

from actors.client import Client
from actors.comparison import Pair, Side
from actors.stage import Stage
from actors.worker import BUILD, PETIOLE, PYTHON


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
