# SPDX-License-Identifier: Apache-2.0
"""Clocks an hour apart, and clocks that jump: leases follow Redis' clock and waiting
follows the monotonic one, so nothing is lost and nothing runs twice."""

import datetime

import pytest

from actors import wire
from actors.clock import Clock

HOUR = 3600

pytestmark = pytest.mark.petiole_only


@pytest.fixture
def clock(stage):
    """clock(name, offset_s): a wall clock of its own."""
    return lambda name, offset_s=0: Clock(stage.path(f"clock-{name}"), offset_s)


def shows(worker, clock_offset_s):
    """The worker's log is stamped by its own clock: proof that it is under it."""
    stamp = worker.wait_line(r"^\[(\d+-\d+-\d+ \d+:\d+:\d+),\d+: INFO/MainProcess\] .* ready\.$")[1]
    off = datetime.datetime.fromisoformat(stamp) - datetime.datetime.now()
    return abs(off.total_seconds() - clock_offset_s) < 60


@pytest.mark.timeout(120)
def test_workers_two_hours_apart_do_not_take_from_each_other(
        start, redis_server, ledger, plugins, late, send_work, open_account, clock):
    account = open_account("clocks of two workers two hours apart", send_work(40, 300))
    ahead = start(plugins=plugins, config=late, hostname="ahead@h1", env=clock("ahead", HOUR).environment())
    behind = start(plugins=plugins, config=late, hostname="behind@h2", env=clock("behind", -HOUR).environment())
    assert shows(ahead, HOUR) and shows(behind, -HOUR)
    account.all_done(60)
    account.check(1)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("offset_s", [HOUR, -HOUR])
def test_a_dead_node_is_restored_whatever_its_clock_said(
        start, redis_server, ledger, plugins, late, send_work, open_account, clock, offset_s):
    account = open_account("a node with a wrong clock killed", send_work(16, 200))
    dead = start(plugins=plugins, config=late, hostname="dead@h1", env=clock("dead", offset_s).environment())
    assert shows(dead, offset_s)
    redis_server.until(lambda r: len(ledger.ends()) >= 4)
    dead.kill_hard()
    account.worker_died()
    start(plugins=plugins, config=late, hostname="heir@h2")
    account.all_done(60)
    account.check(1)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("offset_s", [HOUR, -HOUR])
def test_redis_and_its_workers_may_disagree_about_the_time(
        stage, clients, ledger, plugins, late, send_work, open_account, clock, offset_s):
    server = stage.redis(environment=clock("redis", offset_s).environment())
    with server.client() as r:
        assert abs(r.time()[0] - datetime.datetime.now().timestamp() - offset_s) < 60
    clients["new"].connect(server.url(), server.url())
    ids = send_work(30, 300, sender=clients["new"])
    account = open_account("clock of Redis an hour off", ids, server=server)
    for n in (1, 2):
        stage.worker("petiole", server, hostname=f"w{n}@h{n}", plugins=plugins, config=late)
    account.all_done(60)
    account.check(1)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("whose", ["the worker's", "Redis'"])
def test_a_clock_that_jumps_repeats_and_loses_nothing(
        stage, clients, ledger, plugins, late, send_work, open_account, clock, whose):
    """Forwards, back, and back again, while tasks run, wait, and lie ahead."""
    wall = clock("jumping")
    of_redis, of_worker = ({}, wall.environment()) if whose == "the worker's" else (wall.environment(), {})
    server = stage.redis(environment=of_redis)
    clients["new"].connect(server.url(), server.url())
    ids = send_work(40, 250, sender=clients["new"])
    account = open_account(f"{whose} clock jumps an hour, three times", ids, server=server)
    workers = [stage.worker("petiole", server, hostname=f"w{n}@h{n}", plugins=plugins, config=late, env=of_worker)
               for n in (1, 2)]
    for n, offset_s in enumerate((HOUR, 0, -HOUR)):
        server.until(lambda r: sum(ledger.ends().values()) >= 6 + 6 * n, 30, what="more ends")
        wall.set(offset_s)
    account.all_done(60)
    account.check(3)
    assert all(worker.running() for worker in workers)


@pytest.mark.timeout(90)
def test_a_jump_over_an_eta_runs_its_task_at_once_and_once(
        start, redis_server, broker, ledger, plugins, clock):
    wall = clock("worker")
    start(plugins=plugins, env=wall.environment())
    eta = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=30)
    message = wire.envelope("ledger.work", (ledger.path, "later"), headers={"eta": eta.isoformat()})
    wire.push(broker, message)
    redis_server.until(lambda r: r.hlen("unacked") == 1)
    wall.set(HOUR)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{message['headers']['id']}"), 20, what="its result")
    wall.set(0)
    redis_server.until(lambda r: not r.exists("unacked", "celery"))
    assert ledger.starts()["later"] == 1
