# SPDX-License-Identifier: Apache-2.0
"""Messages held longer than the visibility timeout are not delivered twice; those of the
dead are back within seconds, all of them."""

import json
import time

import pytest

from actors import wire
from actors.account import ids_in

SHORT = {"broker_transport_options": {"visibility_timeout": 2}}


@pytest.mark.petiole_only
def test_a_long_task_runs_once_beside_a_sweeping_python_worker(
        start, redis_server, producer, ledger, plugins, all_done, stage):
    config = {**SHORT, "task_acks_late": True}
    ours = start(plugins=plugins, config=config)
    id = producer.send("ledger.work", ledger.path, "long", 7000)
    redis_server.until(lambda r: ledger.starts()["long"] == 1)
    stage.worker("new", redis_server, hostname="sweeper@h2", config=config)
    all_done([id])
    assert ledger.starts()["long"] == 1
    assert ours.count("succeeded") == 1


@pytest.mark.petiole_only
def test_an_eta_beyond_the_visibility_timeout_runs_once(
        start, redis_server, producer, ledger, plugins, all_done, stage):
    start(plugins=plugins, config=SHORT)
    id = producer.send("ledger.work", ledger.path, "later", _options={"countdown": 7})
    redis_server.until(lambda r: r.hlen("unacked") == 1)
    stage.worker("new", redis_server, hostname="sweeper@h2", config=SHORT)
    all_done([id])
    assert ledger.starts()["later"] == 1


@pytest.mark.petiole_only
def test_an_eta_next_month_stays_one_message_beside_a_sweeping_python_worker(
        start, redis_server, broker, plugins, stage):
    """Its lease reaches to its ETA: neither kind of peer takes it, and a stop gives it back."""
    month = (time.time() + 30 * 86400)
    message = wire.envelope("demo.echo", ("later",), headers={
        "eta": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(month))})
    id = message["headers"]["id"]
    wire.push(broker, message)
    ours = start(plugins=plugins, config=SHORT)
    redis_server.until(lambda r: r.hlen("unacked") == 1)
    [(tag, score)] = redis_server.until(
        lambda r: [pair for pair in r.zrange("unacked_index", 0, -1, withscores=True) if pair[1] > month - 60],
        what="a lease up to the ETA")
    sweeper = stage.worker("new", redis_server, hostname="sweeper@h2", config=SHORT)
    with pytest.raises(AssertionError, match="never printed"):
        sweeper.wait_line("received", 6)  # three visibility timeouts
    assert broker.hkeys("unacked") == [tag]
    sweeper.stop()
    assert ours.stop() == 0
    assert [json.loads(raw)["headers"]["id"] for raw in broker.lrange("celery", 0, -1)] == [id]


@pytest.mark.petiole_only
@pytest.mark.lasts(120, 300)
def test_what_dead_nodes_held_is_back_within_seconds_and_all_at_once(
        start, redis_server, ledger, plugins, late, send_work, open_account, length, row):
    """Celery's default timeout is an hour; a peer needs seconds, for many nodes as for one."""
    nodes = length(4, 20)
    config = {**late, "broker_transport_options": {}}  # the default: an hour
    ids = send_work(nodes * 8, 60_000)
    account = open_account(f"{nodes} nodes killed at once", ids)
    workers = [start(plugins=plugins, config=config, hostname=f"w{n}@h{n}") for n in range(nodes)]
    redis_server.until(lambda r: r.hlen("unacked") == nodes * 8, 30, what="all messages held")
    redis_server.until(lambda r: len(ledger.open_now()) == nodes * 2, 30, what="all children busy")
    running = ledger.open_now()
    for worker in workers:
        worker.kill()
    died = time.monotonic()
    account.worker_died()
    peer = start(plugins=plugins, config=config, hostname="peer@h", options=["--prefetch-multiplier", "1"])
    redis_server.until(lambda r: r.llen("celery") + r.hlen("unacked") == nodes * 8 and r.llen("celery") >= nodes * 8 - 2,
                       30, what="every message back in its queue")
    seconds = time.monotonic() - died
    row(f"… their messages were back after {seconds:.1f} s", nodes, {
        "tasks": nodes * 8, "lost": nodes * 8 - len(set(ids.values()) & ids_in(redis_server.client())),
        "repeated": 0, "allowed": len(running)})
    assert {ids[name] for name in ids} == ids_in(redis_server.client()), "none is missing"
    assert seconds < 20
    peer.kill()


@pytest.mark.petiole_only
def test_nodes_of_one_name_neither_rob_nor_shield_each_other(
        start, redis_server, ledger, plugins, late, send_work, open_account):
    account = open_account("two nodes of one name, one killed", send_work(30, 200))
    first = start(plugins=plugins, config=late, hostname="same@h")
    second = start(plugins=plugins, config=late, hostname="same@h")
    redis_server.until(lambda r: len(ledger.ends()) >= 8)
    children = first.children()
    first.kill_hard()
    for pid in children:
        account.child_died(pid)
    account.all_done(40)
    account.check(1)
    assert second.running()


@pytest.mark.petiole_only
def test_a_node_restarted_within_its_ttl_gets_back_what_it_held(
        start, redis_server, ledger, plugins, late, send_work, open_account):
    """The same name comes back at once: the old one's messages are not kept alive by it."""
    account = open_account("a node restarted within its TTL, three times", send_work(24, 200))
    for _ in range(3):
        worker = start(plugins=plugins, config=late, hostname="same@h")
        more = sum(ledger.ends().values()) + 3
        redis_server.until(lambda r: sum(ledger.ends().values()) >= more)
        worker.kill_hard()
        account.worker_died()
    start(plugins=plugins, config=late, hostname="same@h")
    account.all_done(40)
    account.check(3)
