# SPDX-License-Identifier: Apache-2.0
"""What handlers send, and a SIGKILL between the first message sent and the outcome: the
sender is repeated, so all it sends is there in the end, be some of it there twice."""

import random

import pytest

from actors import wire
from actors.account import moment

ROUTES = {"task_routes": {"demo.add": "elsewhere"}}


@pytest.mark.petiole_only
@pytest.mark.lasts(180, 900)
def test_a_worker_killed_while_a_handler_sends_loses_nothing_of_it(start, redis_server, producer, length, row):
    kills, each, dice = length(6, 60), 20_000, random.Random(5)
    client, lost, repeated = redis_server.client(), 0, 0
    for kill in range(kills):
        client.delete("elsewhere")
        worker = start(config=ROUTES, hostname=f"w{kill}@h1")
        id = producer.send("demo.fan_out", each)
        wanted = int(dice.random() * each) + 1
        redis_server.until(lambda r: r.llen("elsewhere") >= wanted, what=f"{wanted} messages sent")
        moment(dice.random() * 0.01)
        worker.kill_hard()
        finished = client.exists(f"celery-task-meta-{id}")
        heir = start(config=ROUTES, hostname=f"heir{kill}@h1")
        assert producer.get(id, timeout=60)["value"] == each
        redis_server.until(lambda r: not r.hlen("unacked"), what="an acknowledged sender")
        heir.kill()
        sent = [wire.decoded(raw)[1][0][0] for raw in client.lrange("elsewhere", 0, -1)]
        lost += each - len(set(sent))
        repeated += len(sent) - len(set(sent))
        assert len(sent) == each or not finished, "a finished sender was repeated"
    row("worker killed while a handler sends", kills,
        {"tasks": kills * each, "lost": lost, "repeated": repeated, "allowed": kills * each})
    assert lost == 0


@pytest.mark.petiole_only
@pytest.mark.lasts(120, 300)
def test_redis_restarted_while_a_handler_sends_loses_nothing_of_it(stage, producer, length, row):
    each = 100_000
    server = stage.redis(appendonly="yes", appendfsync="always")
    producer.connect(server.url(), server.url())
    worker = stage.worker("petiole", server, config=ROUTES)
    id = producer.send("demo.fan_out", each)
    server.until(lambda r: r.llen("elsewhere") >= 1000, what="a thousand messages sent")
    server.kill()
    server.start()
    worker.wait_line("Connected to")
    server.until(lambda r: r.exists(f"celery-task-meta-{id}"), seconds=60, what="a finished sender")
    sent = [wire.decoded(raw)[1][0][0] for raw in server.client().lrange("elsewhere", 0, -1)]
    row("Redis killed while a handler sends", 1, {"tasks": each, "lost": each - len(set(sent)),
        "repeated": len(sent) - len(set(sent)), "allowed": each})
    assert set(sent) == set(range(each))
