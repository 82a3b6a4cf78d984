# SPDX-License-Identifier: Apache-2.0
"""Redis restarted, paused, cut off: the worker notices, comes back and loses nothing."""

import random

import pytest

from actors.account import moment
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
@pytest.mark.lasts(150, 1200)
def test_a_redis_killed_under_load_loses_and_repeats_nothing(
        stage, lasting, clients, ledger, plugins, late, send_work, open_account, length):
    """With appendfsync always: what Redis has answered is on the disk."""
    rounds, dice = length(4, 40), random.Random(19)
    producer = clients["new"]
    ids = send_work(rounds * 100, 4, sender=producer)
    account = open_account("Redis killed and restarted (AOF, always)", ids, server=lasting)
    worker = stage.worker("petiole", lasting, plugins=plugins, config=late)
    for n in range(rounds):
        lasting.until(lambda r: sum(ledger.ends().values()) >= n * 90 + 20, 60, what="more ends")
        moment(dice.random() * 0.1)
        lasting.kill()
        lasting.start()
    account.all_done(length(60, 120))
    account.check(rounds)
    assert worker.running()


@pytest.mark.lasts(150, 600)
def test_a_paused_redis_makes_no_live_node_look_dead(
        stage, kind, redis_server, producer, ledger, plugins, late, send_work, open_account, length):
    """Both workers hold tasks while Redis stands still for longer than their leases and
    than their proof to be alive lasts."""
    seconds = length(6, 30)
    workers = [stage.worker(kind, redis_server, hostname=f"w{n}@h{n}", plugins=plugins, config=late)
               for n in (1, 2)]
    account = open_account(f"Redis paused for {seconds} s, two workers", send_work(40, 300))
    redis_server.until(lambda r: len(ledger.ends()) >= 4)
    redis_server.pause()
    moment(seconds)
    redis_server.resume()
    account.all_done(60)
    if kind == "petiole":
        account.check(1)
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
