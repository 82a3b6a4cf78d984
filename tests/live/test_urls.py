# SPDX-License-Identifier: Apache-2.0
"""Where broker and backend may live, and that their passwords stay secret."""

import pytest

SECRET = "pa%2Fss%40word"
PASSWORD = "pa/ss@word"


def runs(producer, broker, backend):
    producer.connect(broker, backend)
    return producer.get(producer.send("demo.add", 2, 3))["value"] == 5


def test_a_unix_socket(start, redis_server, producer):
    start(broker=redis_server.socket_url(3), backend=redis_server.socket_url(3))
    assert runs(producer, redis_server.socket_url(3), redis_server.url(3))


def test_database_and_separate_backend(start, redis_server, producer):
    start(broker=redis_server.url(4), backend=redis_server.url(5))
    assert runs(producer, redis_server.url(4), redis_server.url(5))
    assert not redis_server.client(4).keys("celery-task-meta-*")


def test_a_password_is_used_and_never_shown(stage, kind, clients):
    server = stage.redis(requirepass=PASSWORD)
    url = server.url(password=SECRET)
    worker = stage.worker(kind, server, broker=url)
    assert runs(clients["new"], url, url)
    worker.stop()
    assert "word" not in worker.text
    assert worker.count(r"redis://:\*\*@127.0.0.1")


def test_a_user_of_the_acl(stage, kind, clients):
    server = stage.redis(user="petal on ~* &* +@all >" + PASSWORD)
    url = server.url(user="petal", password=SECRET)
    worker = stage.worker(kind, server, broker=url)
    assert runs(clients["new"], url, url)
    worker.stop()
    assert "ss@word" not in worker.text and SECRET not in worker.text
    assert worker.count(r"redis://petal:\*\*@127.0.0.1")


def test_no_backend_stores_nothing(start, redis_server, producer, broker):
    worker = start(backend="")
    id = producer.send("demo.add", 2, 3)
    worker.wait_line("succeeded")
    worker.stop()
    assert not broker.exists(f"celery-task-meta-{id}")
    assert worker.count(r"results: +disabled://")


def test_the_environment_names_the_broker(stage, redis_server, producer, kind):
    from actors.process import Process
    from actors.worker import LIVE, PETIOLE, PYTHON, clean_environment
    env = {**clean_environment(), "CELERY_BROKER_URL": redis_server.url(), "PYTHONPATH": str(LIVE),
           "CELERY_RESULT_BACKEND": redis_server.url()}
    argv = ([PETIOLE, "-A", "demo", "worker"] if kind == "petiole" else
            [PYTHON["new"], "-m", "celery", "-A", "reference_app", "worker"])
    worker = stage.process(Process([*argv, "-c", "1", "-l", "INFO"], env=env, cwd=LIVE))
    worker.wait_line(r"ready\.$")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    with pytest.raises(AssertionError):
        worker.wait_line("never printed", 0)
