# SPDX-License-Identifier: Apache-2.0
"""Workers of both kinds meet, keep Lamport's clock together and elect one of them."""

import re

import pytest

REVOKED = "11111111-1111-4111-8111-111111111111"
WE, THEY = "petiole@h1", "python@h2"


@pytest.fixture
def meet(stage, redis_server, kind, version):
    """meet(ours_first): a petiole and a Python worker on one Redis, gossip and mingle on."""

    def start(which):
        name = WE if which == "ours" else THEY
        return stage.worker(kind if which == "ours" else version, redis_server, hostname=name,
                            sociable=True, loglevel="DEBUG")

    return start


@pytest.fixture
def client(clients, redis_server):
    clients["new"].connect(redis_server.url(), redis_server.url())
    return clients["new"]


def ask(client, node, method, **arguments):
    """Again, if it was not listening yet: a Python worker is ready before it hears."""
    for _ in range(10):
        replies = client.broadcast(method, arguments=arguments, destination=[node], limit=1, timeout=2)
        if replies:
            return replies[0][node]
    raise AssertionError(f"{node} does not answer {method}")


def test_one_that_starts_learns_what_the_python_worker_has_revoked(meet, client, redis_server):
    theirs = meet("theirs")
    ask(client, THEY, "revoke", task_id=REVOKED)
    clock = ask(client, THEY, "clock")["clock"]
    ours = meet("ours")
    ours.wait_line("mingle: searching for neighbors")
    ours.wait_line("mingle: sync with 1 nodes")
    ours.wait_line("mingle: sync complete")
    theirs.wait_line(f"sync with {WE}")
    assert ask(client, WE, "revoked") == [REVOKED]
    assert ask(client, WE, "clock")["clock"] > clock


def test_a_python_worker_that_starts_learns_what_is_revoked_here(meet, client, redis_server):
    ours = meet("ours")
    ours.wait_line("mingle: all alone")
    ask(client, WE, "revoke", task_id=REVOKED)
    clock = ask(client, WE, "clock")["clock"]
    theirs = meet("theirs")
    theirs.wait_line("mingle: sync with 1 nodes")
    ours.wait_line(f"sync with {THEY}")
    assert ask(client, THEY, "revoked") == [REVOKED]
    assert ask(client, THEY, "clock")["clock"] > clock


def test_who_joins_leaves_and_dies_is_noticed(meet, redis_server):
    ours, theirs = meet("ours"), meet("theirs")
    ours.wait_line(f"{THEY} joined the party")
    theirs.wait_line(f"{WE} joined the party")
    theirs.kill_hard()
    ours.wait_line(f"missed heartbeat from {THEY}", 30)


def elect(client, id, task):
    client.broadcast("election", arguments={"id": id, "topic": "task", "action": task}, timeout=0.2)


def signature(number):
    return {"task": "demo.echo", "args": [number], "kwargs": {}, "subtask_type": None,
            "options": {"task_id": f"00000000-0000-4000-8000-{number:012}"}, "immutable": False}


def winner(workers, id):
    """Who says that it has won."""
    for worker in workers:
        worker.wait_line(rf"I won the election '{id}'|node .* elected for '{id}'")
    return [w for w in workers if any(f"I won the election '{id}'" in line for line in w.lines)]


def test_both_kinds_agree_on_who_is_elected_and_either_may_be(meet, client, redis_server):
    ours, theirs = meet("ours"), meet("theirs")
    ours.wait_line(f"{THEY} joined the party")
    theirs.wait_line(f"{WE} joined the party")
    won = set()
    for number in range(1, 30):
        elect(client, f"e{number}", signature(number))
        winners = winner([ours, theirs], f"e{number}")
        assert len(winners) == 1, f"election {number}"
        assert client.get(f"00000000-0000-4000-8000-{number:012}")["value"] == number
        won.add(winners[0].hostname)
        if won == {WE, THEY}:
            break
    assert won == {WE, THEY}


@pytest.mark.petiole_only
def test_alone_it_wins_and_acts(meet, client, redis_server):
    ours = meet("ours")
    elect(client, "alone", signature(1))
    ours.wait_line("I won the election 'alone'")
    assert client.get("00000000-0000-4000-8000-000000000001")["value"] == 1
    for action in (None, 7, {}, {"task": 5}, {"task": "demo.add", "args": 7}):
        elect(client, f"odd-{action}", action)
    ours.wait_line("Could not call task")
    assert ours.running()


@pytest.mark.petiole_only
def test_who_wants_no_company_has_none(stage, redis_server, kind, client):
    ours = stage.worker(kind, redis_server, options=["--without-mingle", "--without-gossip"], loglevel="DEBUG")
    assert client.broadcast("election", arguments={"id": "e", "topic": "task"}, limit=1, timeout=10) == [
        {"w1@h1": None}]
    assert not [line for line in ours.lines if re.search("mingle:|the election", line)]
