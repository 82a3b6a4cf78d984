# SPDX-License-Identifier: Apache-2.0
"""Redis restarted, paused, cut off: the worker notices, comes back and loses nothing."""

import pytest

from actors.proxy import Proxy


def works(producer, value, seconds=60):
    id = producer.send("demo.echo", value)
    return producer.get(id, timeout=seconds)["value"] == value


@pytest.fixture
def lasting(stage, clients):
    """A Redis that keeps its data across a restart."""
    server = stage.redis(appendonly="yes", appendfsync="always")
    clients["new"].connect(server.url(), server.url())
    return server


@pytest.mark.timeout(150)
def test_a_restarted_redis_is_found_again(stage, kind, lasting, clients):
    worker = stage.worker(kind, lasting)
    assert works(clients["new"], "before")
    for round in range(3):
        lasting.kill()
        worker.wait_line("onnection", 30, since=worker.mark() if round else 0)
        lasting.start()
        clients["new"].connect(lasting.url(), lasting.url())
        assert works(clients["new"], f"after restart {round}")
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.timeout(150)
def test_tasks_queued_and_running_survive_a_restart_of_redis(
        stage, kind, lasting, clients, ledger, plugins, late):
    worker = stage.worker(kind, lasting, plugins=plugins, config=late)
    producer = clients["new"]
    ids = producer.send_many("ledger.work", [[ledger.path, str(n), 20] for n in range(200)])
    lasting.until(lambda r: len(ledger.ends()) > 50)
    lasting.kill()
    lasting.start()
    producer.connect(lasting.url(), lasting.url())
    for id in ids:
        producer.get(id, timeout=60)
    assert set(ledger.ends()) == {str(n) for n in range(200)}
    lasting.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
    assert worker.running()


@pytest.mark.timeout(150)
def test_a_paused_redis_makes_no_live_node_look_dead(
        stage, kind, redis_server, producer, ledger, plugins, late, all_done):
    """Both workers hold tasks while Redis stands still for longer than their leases."""
    workers = [stage.worker(kind, redis_server, hostname=f"w{n}@h{n}", plugins=plugins, config=late)
               for n in (1, 2)]
    ids = producer.send_many("ledger.work", [[ledger.path, str(n), 300] for n in range(30)])
    redis_server.until(lambda r: len(ledger.ends()) >= 4)
    redis_server.pause()
    try:
        for worker in workers:  # each ends what it runs, then has nothing to do but wait
            with pytest.raises(AssertionError, match="never printed"):
                worker.wait_line("this line never comes", 3)
    finally:
        redis_server.resume()
    all_done(ids)
    assert set(ledger.ends()) == {str(n) for n in range(30)}
    if kind == "petiole":
        assert max(ledger.starts().values()) == 1
    assert all(worker.running() for worker in workers)


@pytest.mark.petiole_only
@pytest.mark.timeout(150)
def test_a_black_hole_is_noticed_and_left(stage, kind, redis_server, producer):
    """Bytes vanish without an error, as behind a firewall that forgot the connection."""
    proxy = Proxy(redis_server.port)
    try:
        worker = stage.worker(kind, redis_server, broker=proxy.url(), config={
            "broker_transport_options": {"visibility_timeout": 4}})
        assert works(producer, "before")
        proxy.swallow()
        id = producer.send("demo.echo", "swallowed")
        worker.wait_line("no answer|timed out|timeout|lost|onnection", 60)
        proxy.restore()
        assert producer.get(id, timeout=60)["value"] == "swallowed"
        assert works(producer, "after")
    finally:
        proxy.close()


@pytest.mark.petiole_only
@pytest.mark.timeout(150)
def test_several_losses_within_seconds_leave_a_worker_that_consumes(stage, kind, redis_server, producer):
    proxy = Proxy(redis_server.port)
    try:
        worker = stage.worker(kind, redis_server, broker=proxy.url())
        for round in range(6):
            proxy.cut()
            assert works(producer, round)
        assert worker.running()
    finally:
        proxy.close()
