# SPDX-License-Identifier: Apache-2.0
"""SIGKILL to children and to whole workers, under load: nothing is lost, and nothing is
repeated but what was running."""

import os
import random
import signal

import pytest

from actors.account import ids_in, moment


def wait_ends(redis_server, ledger, worker, n):
    """A result is stored soon after each end, so Redis tells when to look again."""
    redis_server.until(lambda r: sum(ledger.ends().values()) >= n or not worker.running(), 60,
                       what=f"{n} ended tasks")
    assert worker.running(), worker.text


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1800)
def test_workers_killed_at_random_moments_lose_nothing_and_repeat_only_what_ran(
        start, ledger, plugins, late, all_done, send_work, open_account, length):
    kills, dice = length(12, 200), random.Random(3)
    ids = send_work(kills * 100, 3)
    account = open_account("whole worker killed, late acknowledgement", ids)
    for kill in range(kills):
        worker = start(plugins=plugins, config=late, hostname=f"w{kill}@h1", ready=False)
        worker.wait_line("ready" if dice.random() < 0.9 else ".")  # a few die while they start
        moment(dice.random() * 0.3)
        assert worker.running(), worker.text
        worker.kill_hard()
        worker.wait_family()
        account.worker_died()
    start(plugins=plugins, config=late)
    all_done(ids, length(60, 600))
    account.check(kills)


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
def test_a_killed_workers_slow_tasks_are_the_only_ones_repeated(
        start, redis_server, ledger, plugins, late, all_done, send_work, open_account):
    """With tasks far slower than a settlement, what is repeated is exactly what ran."""
    ids = send_work(24, 150)
    account = open_account("whole worker killed among slow tasks", ids)
    worker = start(plugins=plugins, config=late)
    wait_ends(redis_server, ledger, worker, 6)
    redis_server.until(lambda r: len(ledger.open_now()) == 2, what="two running tasks")
    worker.kill_hard()
    running = ledger.open_now()
    account.worker_died()
    start(plugins=plugins, config=late)
    all_done(ids)
    account.check(1)
    assert {name for name, n in ledger.starts().items() if n > 1} == running


@pytest.mark.petiole_only
@pytest.mark.lasts(120, 900)
def test_early_acknowledged_tasks_are_lost_only_while_they_run(
        start, redis_server, ledger, plugins, late, send_work, open_account, length):
    """At most once, as its sender chose; all that has not started is neither lost nor repeated."""
    kills, dice = length(5, 50), random.Random(5)
    early = {**late, "task_acks_late": False}
    ids = send_work(kills * 40, 10)
    account = open_account("whole worker killed, early acknowledgement", ids, late=False)
    for kill in range(kills):
        worker = start(plugins=plugins, config=early, hostname=f"w{kill}@h1")
        moment(dice.random() * 0.2)
        worker.kill_hard()
        account.worker_died()
    start(plugins=plugins, config=early)
    redis_server.until(lambda r: not ids_in(r), length(60, 600), what="empty queues")
    redis_server.until(lambda r: set(ledger.starts()) - account.risked <= set(ledger.ends()), 20,
                       what="the last ends")
    account.check(kills)


@pytest.mark.lasts(240, 1200)
def test_killed_children_lose_nothing(
        start, redis_server, ledger, plugins, late, all_done, send_work, open_account, length):
    kills, victims = length(15, 200), random.Random(7)
    ids = send_work(kills * 100, 3)
    account = open_account("child killed, late acknowledgement", ids)
    worker = start(plugins=plugins, config=late)
    for kill in range(kills):
        wait_ends(redis_server, ledger, worker, kill * 90)
        moment(victims.random() * 0.02)
        children = redis_server.until(lambda r: worker.children(), what="a child")
        victim = victims.choice(children)
        os.kill(victim, signal.SIGKILL)
        redis_server.until(lambda r: victim not in worker.family(), what="the child's end")
        account.child_died(victim)
    all_done(ids, length(60, 300))
    account.check(kills)
    assert worker.running()


@pytest.mark.lasts(240, 1200)
@pytest.mark.parametrize("victim", ["petiole", "python"])
def test_each_of_two_workers_finishes_what_the_killed_other_left(
        start, redis_server, ledger, plugins, late, send_work, open_account, row, length, victim):
    rounds, dice = length(1, 10), random.Random(9)
    ids = send_work(rounds * 300, 10)
    account = open_account(f"two workers share a queue, {victim} killed", ids, asks=victim == "python")
    heir = start(plugins=plugins, config=late, hostname="petiole@h1") if victim == "python" else \
        start(kind="new", config=late, hostname="python@h2")
    for kill in range(rounds):
        dead = start(plugins=plugins, config=late, hostname=f"petiole{kill}@h1") if victim == "petiole" else \
            start(kind="new", config=late, hostname=f"python{kill}@h2")
        wait_ends(redis_server, ledger, heir, kill * 200 + 60)
        moment(dice.random() * 0.2)
        children = dead.children()
        dead.kill()
        account.one_of_several_died(children)
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), 120,
                       what="an empty book")
    counts, lost, wrong = account.balance()
    row(f"two workers share a queue, {victim} killed", rounds, counts)
    # A Python worker pops a message before it books it: one may die with it.
    assert len(lost) <= (rounds if victim == "python" else 0), lost
    assert not wrong, wrong
    assert heir.running()


@pytest.mark.full_only
@pytest.mark.lasts(60, 1800)
def test_what_the_same_kills_cost_a_python_worker(
        start, redis_server, ledger, late, send_work, open_account, row):
    """For the comparison in docs/reliability.md: 30 kills of the whole worker."""
    kills, dice = 30, random.Random(11)
    ids = send_work(20_000, 0)
    account = open_account("a Python worker killed", ids)
    config = {**late, "broker_transport_options": {"visibility_timeout": 5}}
    for kill in range(kills):
        worker = start(kind="new", config=config, hostname=f"w{kill}@h1")
        moment(dice.random() * 0.5)
        worker.kill()
        account.worker_died()
    start(kind="new", config=config)
    redis_server.until(lambda r: not r.exists("celery"), 300, what="an empty queue")
    moment(45)
    with redis_server.client() as r:
        held = ids_in(r)
        gone = [name for name in account.unfinished() if ids[name] not in held]
        stuck = len(held)
    counts, lost, wrong = account.balance()
    row("a Python worker killed: " + f"{stuck} still stuck 45 s later, started too often {len(wrong)}",
        kills, {**counts, "lost": len(gone)})
