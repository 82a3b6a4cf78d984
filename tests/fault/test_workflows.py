# SPDX-License-Identifier: Apache-2.0
"""Chains, groups, callbacks and chords whose workers, children, servers and lines die at
random moments: every link, every callback and every chord's body runs, from one message,
and with the complete list."""

import os
import random
import signal

import pytest

from actors.account import moment
from actors.proxy import Torn
from actors.workflow import Workflows

PARTS = 500


@pytest.fixture
def workflows(producer, ledger):
    return lambda milliseconds=0, sender=None: Workflows(sender or producer, ledger, milliseconds)


def fired_again(ledger, work):
    """What was published more than once: a message that is delivered again keeps its tag."""
    return {name: len(tags) for name, tags in ledger.messages().items() if len(tags) > 1}


def check(account, work, runs, seconds):
    account.all_done(seconds)
    account.check(runs)
    with account.server.client() as r:
        assert not work.wrong_results(r, account.ids)
    assert not fired_again(account.ledger, work)
    assert not set(account.ledger.starts()) & set(work.unrun)


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1800)
def test_chords_fire_once_whichever_of_two_workers_is_killed(
        start, redis_server, ledger, plugins, late, workflows, open_account, length):
    kills, dice, work = length(5, 60), random.Random(23), workflows(3)
    for n in range(kills):
        work.chord(f"c{n}", PARTS)
    account = open_account(f"one of two workers killed during {kills} chords of {PARTS} parts", work.ids)
    pair = [start(plugins=plugins, config=late, hostname=f"w{n}@h1") for n in range(2)]
    for kill in range(kills):
        moment(0.2 + dice.random() * 0.8)
        victim = pair.pop(dice.randrange(2))
        children = victim.children()
        victim.kill_hard()
        victim.wait_family()
        account.one_of_several_died(children)
        pair.append(start(plugins=plugins, config=late, hostname=f"w{kill + 2}@h1"))
    check(account, work, kills, length(60, 600))


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1800)
def test_workflows_of_every_kind_survive_the_kill_of_their_only_worker(
        start, ledger, plugins, late, workflows, open_account, length):
    kills, dice, work = length(8, 100), random.Random(29), workflows(2)
    for n in range(kills):
        work.chain(f"chain{n}", 40)
        work.linked_group(f"group{n}", 10)
        work.nested_chord(f"nested{n}", 10)
        work.failed_chord(f"failing{n}", 10)
        work.failure(f"failure{n}")
    account = open_account("whole worker killed during chains, groups, callbacks and chords", work.ids)
    for kill in range(kills):
        worker = start(plugins=plugins, config=late, hostname=f"w{kill}@h1")
        moment(dice.random() * 0.3)
        worker.kill_hard()
        worker.wait_family()
        account.worker_died()
    start(plugins=plugins, config=late)
    check(account, work, kills, length(60, 600))


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1200)
def test_a_child_killed_while_it_concludes_costs_nothing(
        start, redis_server, ledger, plugins, late, workflows, open_account, length):
    kills, dice, work = length(15, 200), random.Random(31), workflows()
    for n in range(kills):
        work.chord(f"c{n}", 40)
        work.chain(f"chain{n}", 20)
        work.linked_group(f"group{n}", 10)
        work.failed_chord(f"failing{n}", 3)
    account = open_account("child killed during chords, chains and groups", work.ids)
    worker = start(plugins=plugins, config=late)
    for kill in range(kills):
        moment(dice.random() * 0.1)
        children = redis_server.until(lambda r: worker.children(), what="a child")
        victim, before = dice.choice(children), account.finished()
        os.kill(victim, signal.SIGKILL)
        redis_server.until(lambda r: victim not in worker.family(), what="the child's end")
        account.child_died(victim, before)
    check(account, work, kills, length(60, 300))
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1200)
@pytest.mark.parametrize("apart", [False, True], ids=["broker and backend", "the backend alone"])
def test_a_redis_killed_while_parts_return_costs_nothing(
        stage, redis_server, clients, ledger, plugins, late, workflows, open_account, length, apart):
    rounds, dice = length(3, 30), random.Random(37)
    lasting = stage.redis(appendonly="yes", appendfsync="always")
    broker = redis_server if apart else lasting
    clients["new"].connect(broker.url(), lasting.url())
    work = workflows(1, clients["new"])
    for n in range(rounds):
        work.chord(f"c{n}", PARTS)
        work.chain(f"chain{n}", 20)
    account = open_account(f"{'the backend' if apart else 'Redis'} killed and restarted (AOF, always) "
                           "during chords and chains", work.ids, server=lasting)
    worker = stage.worker("petiole", broker, backend=lasting.url(), plugins=plugins, config=late)
    for _ in range(rounds):
        moment(0.2 + dice.random() * 0.5)
        lasting.kill()
        moment(dice.random() * 0.5)
        lasting.start()
    check(account, work, rounds, length(90, 600))
    broker.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20, what="an empty book")
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1200)
def test_lines_that_tear_during_workflows_repeat_nothing(
        stage, redis_server, ledger, plugins, workflows, open_account, length):
    rounds, work = length(4, 25), workflows()
    for n in range(rounds):
        work.chord(f"c{n}", 100)
        work.chain(f"chain{n}", 20)
        work.nested_chord(f"nested{n}", 10)
        work.failed_chord(f"failing{n}", 5)
        work.linked_group(f"group{n}", 10)
    account = open_account("line torn at a random byte during workflows", work.ids)
    tears = 0
    for n in range(rounds):
        proxy = Torn(redis_server.port, 100 * n, 6_000, 60_000)
        try:
            worker = stage.worker("petiole", redis_server, broker=proxy.url(), plugins=plugins, ready=False,
                                  hostname=f"w{n}@h1", config={"task_acks_late": True})
            left = len(account.unfinished())
            redis_server.until(lambda r: proxy.tears >= 4 or len(account.unfinished()) <= left - 150, 60,
                               what="4 tears, or 150 tasks")
            proxy.mend()
            tears += proxy.tears
            assert worker.stop() == 0
        finally:
            proxy.close()
    stage.worker("petiole", redis_server, plugins=plugins, config={"task_acks_late": True})
    check(account, work, tears, length(60, 300))


# A Python worker dies between taking a message and booking it, and between publishing a
# body and saying so; what that costs is its own, and counted apart.
@pytest.mark.petiole_only
@pytest.mark.lasts(240, 1800)
@pytest.mark.parametrize("victim", ["petiole", "python"])
def test_chords_shared_with_a_python_worker_survive_the_kill_of_either(
        start, redis_server, ledger, plugins, late, workflows, open_account, row, length, victim):
    kills, dice, work = length(2, 20), random.Random(41), workflows(5)
    late = {**late, "broker_transport_options": {"visibility_timeout": 12}}
    bodies = [work.chord(f"c{n}", PARTS) for n in range(kills * 3)]
    account = open_account(victim, work.ids, asks=victim == "python")
    heir = start(plugins=plugins, config=late, hostname="petiole@h1") if victim == "python" else \
        start(kind="new", config=late, hostname="python@h2")
    for kill in range(kills):
        dead = start(plugins=plugins, config=late, hostname=f"petiole{kill}@h1") if victim == "petiole" else \
            start(kind="new", config=late, hostname=f"python{kill}@h2")
        moment(0.2 + dice.random())
        children = dead.children()
        dead.kill()
        account.one_of_several_died(children)
    redis_server.until(lambda r: not account.unfinished() or not r.exists("celery", "unacked", "unacked_index"),
                       length(120, 900), what="all results, or an empty book")
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), 60, what="an empty book")
    counts, lost, wrong = account.balance()
    again = fired_again(ledger, work)
    row(f"chords of {PARTS} parts shared with a Python worker, {victim} killed: {len(again)} published twice",
        kills, counts)
    taken = {name for name in lost if name not in bodies}
    assert len(taken) <= (kills if victim == "python" else 0), taken
    assert {body for body in lost if body in bodies} <= {f"{name.split('.')[0]}.body" for name in taken}
    assert len(again) <= (kills if victim == "python" else 0), again
    assert not wrong, wrong
    with redis_server.client() as r:
        assert not set(work.wrong_results(r, account.ids)) - lost
    assert heir.running()
