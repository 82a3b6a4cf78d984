# SPDX-License-Identifier: Apache-2.0
"""SIGKILL to children and to whole workers, under load, with late acknowledgement:
nothing is lost, and only what ran is repeated."""

import os
import random
import signal

import pytest

TASKS = 1500


def send_all(producer, ledger, milliseconds, n=TASKS):
    return producer.send_many("ledger.work", [[ledger.path, str(i), milliseconds] for i in range(n)])


def wait_ends(redis_server, ledger, worker, n):
    """A result is stored soon after each end, so Redis tells when to look again."""
    redis_server.until(lambda r: sum(ledger.ends().values()) >= n or not worker.running(), 60,
                       what=f"{n} ended tasks")
    assert worker.running(), worker.text


@pytest.mark.petiole_only
@pytest.mark.timeout(240)
def test_a_killed_worker_loses_nothing_and_repeats_only_what_ran(
        start, redis_server, producer, ledger, plugins, late, all_done, counts):
    ids = send_all(producer, ledger, 4)
    may_repeat = set()
    for kill in range(5):
        worker = start(plugins=plugins, config=late)
        wait_ends(redis_server, ledger, worker, sum(ledger.ends().values()) + 150)
        before = ledger.ends()
        worker.kill_hard()
        assert worker.family() == [], "children outlived their parent"
        # An end noted around the kill may not have reached Redis: at most the last
        # batch of each child is in doubt, and only that.
        may_repeat |= ledger.open_now() | {n for what, n in ledger.lines()[-2 * 64:] if what == "end"}
        assert before <= ledger.ends()
    start(plugins=plugins, config=late)
    all_done(ids)
    lost, repeated = counts([str(i) for i in range(TASKS)], "worker killed 5 times")
    assert lost == []
    assert repeated <= may_repeat


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
def test_a_killed_workers_slow_tasks_are_the_only_ones_repeated(
        start, redis_server, producer, ledger, plugins, late, all_done, counts):
    """With tasks far slower than a settlement, what may repeat is exactly what ran."""
    ids = send_all(producer, ledger, 150, n=24)
    worker = start(plugins=plugins, config=late)
    wait_ends(redis_server, ledger, worker, 6)
    redis_server.until(lambda r: len(ledger.open_now()) == 2, what="two running tasks")
    worker.kill_hard()
    running = ledger.open_now()
    start(plugins=plugins, config=late)
    all_done(ids)
    lost, repeated = counts([str(i) for i in range(24)], "worker killed among slow tasks")
    assert lost == []
    assert repeated == running


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
def test_early_acknowledged_tasks_repeat_at_most_what_had_just_started(
        start, redis_server, producer, ledger, plugins, late, counts):
    early = {**late, "task_acks_late": False}
    ids = send_all(producer, ledger, 100, n=40)
    worker = start(plugins=plugins, config=early)
    wait_ends(redis_server, ledger, worker, 10)
    worker.kill_hard()
    running = ledger.open_now()
    start(plugins=plugins, config=early)
    redis_server.until(lambda r: len(ledger.ends()) >= 40 - len(running), 60, what="the rest")
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20)
    lost, repeated = counts([str(i) for i in range(40)], "early acknowledgement, worker killed")
    # Between a start and its acknowledgement lies a moment, as in a Python worker.
    assert set(lost) <= running and set(repeated) <= running
    assert len(ids) == 40


@pytest.mark.timeout(240)
def test_killed_children_lose_nothing(
        start, redis_server, producer, ledger, plugins, late, all_done, counts):
    ids = send_all(producer, ledger, 4)
    worker = start(plugins=plugins, config=late)
    victims = random.Random(7)
    kills, may_repeat = 0, set()
    for target in range(100, TASKS, 100):
        wait_ends(redis_server, ledger, worker, target)
        children = worker.children()
        if children:
            os.kill(victims.choice(children), signal.SIGKILL)
            kills += 1
            may_repeat |= ledger.open_now() | {n for _, n in ledger.lines()[-2 * 64:]}
    all_done(ids)
    lost, repeated = counts([str(i) for i in range(TASKS)], f"{kills} children killed")
    assert lost == []
    assert repeated <= may_repeat
    assert worker.running()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["petiole", "python"])
def test_each_of_two_workers_finishes_what_the_killed_other_left(
        start, redis_server, producer, ledger, plugins, late, all_done, counts, victim):
    ids = send_all(producer, ledger, 10, n=600)
    ours = start(plugins=plugins, config=late, hostname="petiole@h1")
    theirs = start(kind="new", config=late, hostname="python@h2")
    dead, heir = (ours, theirs) if victim == "petiole" else (theirs, ours)
    wait_ends(redis_server, ledger, heir, 200)
    dead.kill()
    all_done(ids, seconds=90)
    lost, _ = counts([str(i) for i in range(600)], f"shared queue, {victim} killed")
    assert lost == []
    assert heir.running()
