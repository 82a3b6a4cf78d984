# SPDX-License-Identifier: Apache-2.0
"""Recorded messages spoiled by the thousand, with good ones between them: the worker
lives, every good task is done, and of every bad message it can be said what became of it."""

import collections
import json
import signal

import pytest

from actors import wire
from actors.account import finished
from actors.mutants import id_of, mutant, recorded

# Seeds that found a bug once: they are always among those that are tried.
KEPT = []
BATCH = 250
LIFE = 2000  # of one worker: what it may not run lies in its hands, and they are not endless


def fates(client, worker, sent):
    """{fate: [seeds]} of the mutants sent: {seed: (bytes, id)}. The worker stands still
    meanwhile: it puts back, after a while, what it may not run."""
    worker.signal(signal.SIGSTOP)
    try:
        return fates_now(client, worker, sent)
    finally:
        worker.signal(signal.SIGCONT)


def fates_now(client, worker, sent):
    dead = collections.Counter(json.loads(raw)["message"].encode("latin-1") for raw in
                               client.lrange("petiole.dead", 0, -1) if b'"message"' in raw)
    there = [raw for key in client.scan_iter() if client.type(key) == b"list" and key != b"petiole.dead"
             for raw in client.lrange(key, 0, -1)] + client.hvals("unacked")
    ids_there = {id_of(raw) for raw in there}
    stored = finished(client, [id for _, id in sent.values() if id is not None])
    log = worker.text
    found = collections.defaultdict(list)
    for seed, (raw, id) in sent.items():
        if dead[raw]:
            found["dead letter"].append(seed)
        elif id in stored:
            found["result"].append(seed)
        elif raw in there or (id is not None and id in ids_there):
            found["held, or put back"].append(seed)
        elif id and id in log and f"[{id}]" in log:
            found["told in the log"].append(seed)
        else:
            found["unaccounted"].append(seed)
    return found


def some_spoiled(start, redis_server, broker, seeds, waiting, options):
    """A worker's life among the mutants of these seeds, with the good ones between them."""
    sent = {seed: mutant(seed, recorded()) for seed in seeds}
    worker = start(**options)
    worker.tolerate("Can't decode message body")
    for first in range(0, len(seeds), BATCH):
        for n, seed in enumerate(seeds[first:first + BATCH]):
            wire.push(broker, sent[seed][0])
            if n % 10 == 9 and waiting:
                wire.push(broker, waiting.pop())
        redis_server.until(lambda r: not r.llen("celery") or not worker.running(), 60, what="an empty queue")
        assert worker.running(), worker.text[-3000:]
    found = redis_server.until(
        lambda r: (f := fates(r, worker, sent)) and not f["unaccounted"] and f, 20, what="each one's fate",
        explain=lambda: "\n".join(f"{s}: {sent[s][0][:3000]}" for s in fates(broker, worker, sent)["unaccounted"]))
    assert worker.running()
    assert worker.stop() == 0
    assert not broker.exists("unacked", "unacked_index")
    broker.delete("celery", "petiole.dead", *(f"celery\x06\x16{step}" for step in (3, 6, 9)))
    return collections.Counter({fate: len(of) for fate, of in found.items()})


@pytest.mark.petiole_only
@pytest.mark.lasts(150, 1800)
def test_spoiled_messages_harm_no_good_one_and_each_is_accounted_for(
        start, redis_server, broker, plugins, send_work, open_account, length, capsys):
    seeds = KEPT + list(range(1000, 1000 + length(2000, 40_000)))
    account = open_account("good tasks among spoiled messages", send_work(len(seeds) // 10, 0, prefix="good"))
    waiting = broker.lrange("celery", 0, -1)
    broker.delete("celery")
    options = {"plugins": plugins, "options": ["--unknown", "reject", "--time-limit", "5"],
               "config": {"message_max_bytes": 100_000}}
    sums = collections.Counter()
    for first in range(0, len(seeds), LIFE):
        sums += some_spoiled(start, redis_server, broker, seeds[first:first + LIFE], waiting, options)
    assert not waiting
    assert not account.unfinished()
    account.check(len(seeds))
    with capsys.disabled():
        print("    " + ", ".join(f"{n} {fate}" for fate, n in sorted(sums.items())))
