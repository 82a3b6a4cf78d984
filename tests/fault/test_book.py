# SPDX-License-Identifier: Apache-2.0
"""The book of what is held, `unacked` and `unacked_index`, edited by hand: what can be
read comes back, what cannot is kept as a dead letter, and what is held goes on."""

import json

import pytest

from actors import wire

pytestmark = pytest.mark.petiole_only

SWEEP = {"broker_transport_options": {
    "visibility_timeout": 2, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}}

RUBBISH = ["rubbish", "", "[1, 2]", "{}", "null", '["{}", "", ""]', '[{"headers": 5}, "", "celery"]',
           "[" * 2000, '[{"body": 1}, {"a": 1}, ["celery"]]', "\xff\xfe not UTF-8", '[{}, "", "celery", 4]']


@pytest.mark.timeout(60)
def test_rubbish_in_the_book_is_swept_out_and_a_message_in_it_runs(start, redis_server, broker, producer):
    for n, value in enumerate(RUBBISH):
        broker.hset("unacked", f"by-hand-{n}", value.encode("latin-1"))
        broker.zadd("unacked_index", {f"by-hand-{n}": 1})
    broker.zadd("unacked_index", {"names-nothing": 1, "": 1})
    good = wire.envelope("demo.add", (2, 3))
    broker.hset("unacked", "good", json.dumps([good, "", "celery"]))
    broker.zadd("unacked_index", {"good": 1})
    worker = start(config=SWEEP)
    assert producer.get(good["headers"]["id"])["value"] == 5
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"), what="an empty book")
    dead = {json.loads(raw)["message"] for raw in broker.lrange("petiole.dead", 0, -1)}
    assert len(dead) >= len(RUBBISH) - 2, dead  # an envelope without anything in it may go another way
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert worker.running()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("edit", ["values", "hash", "index", "both", "wrong types"])
def test_what_is_held_is_finished_whatever_is_done_to_the_book(
        start, redis_server, broker, ledger, plugins, send_work, open_account, edit):
    account = open_account("the book edited by hand while tasks are held", send_work(12, 300))
    worker = start(plugins=plugins, config={"task_acks_late": True, **SWEEP})
    worker.tolerate("CRITICAL")
    redis_server.until(lambda r: r.hlen("unacked") == 8 and len(ledger.open_now()) == 2)
    if edit == "values":
        for tag in broker.hkeys("unacked"):
            broker.hset("unacked", tag, "changed by hand")
    if edit in ("hash", "both", "wrong types"):
        broker.delete("unacked")
    if edit in ("index", "both", "wrong types"):
        broker.delete("unacked_index")
    if edit == "wrong types":
        broker.set("unacked", "text")
        broker.set("unacked_index", "text")
        worker.wait_line("WRONGTYPE|wrong kind")
        broker.delete("unacked", "unacked_index")
    held_back = {"hash": 0, "values": 0}.get(edit)
    if held_back is None:  # without an index nobody can tell whose lease it is: at most what waited is given up
        redis_server.until(lambda r: len(ledger.ends()) >= 12 - 6, 40, what="what ran, and what was in the queue")
    else:
        redis_server.until(lambda r: not account.unfinished(), 40, what="all results")
    assert max(ledger.starts().values()) == 1
    assert worker.running()
