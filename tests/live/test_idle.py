# SPDX-License-Identifier: Apache-2.0
"""Waking one of many idle workers costs Redis no more than waking the only one."""

import pytest

MESSAGES = 100
CROWD = 10


def fetches(client):
    """Commands that take a message, or wait for one."""
    calls = client.info("commandstats")
    return sum(calls.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("blmove", "evalsha"))


def cost_of_a_message(server, start, producer, workers):
    running = [start(hostname=f"idle{n}@h{n}", concurrency=1) for n in range(workers)]
    client = server.client()
    server.until(lambda r: r.info("clients")["blocked_clients"] >= 4 * workers, what="idle workers")
    before = fetches(client)
    for n in range(MESSAGES):
        assert producer.get(producer.send("demo.echo", n))["value"] == n
    cost = (fetches(client) - before) / MESSAGES
    assert all(worker.running() for worker in running)
    return cost


@pytest.mark.petiole_only
@pytest.mark.timeout(180)
def test_a_message_wakes_one_of_many_idle_workers(stage, kind, clients):
    """With BRPOP's way of waking, each of them would ask for the message."""
    costs = {}
    for workers in (1, CROWD):
        server = stage.redis()
        clients["new"].connect(server.url(), server.url())
        costs[workers] = cost_of_a_message(
            server, lambda **options: stage.worker(kind, server, **options), clients["new"], workers)
    assert costs[CROWD] <= 2 * costs[1], costs
