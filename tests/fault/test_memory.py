# SPDX-License-Identifier: Apache-2.0
"""Memory is flat: the resident size after many tasks is what it was after the first few
thousand, for the parent and for each child, whatever kinds of tasks they were."""

import json

import pytest

from actors import wire
from actors.worker import is_sanitized

SPREAD_KB = 1024  # what allocators may keep of one busy moment


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def mixed(n):
    """A stream in which everything comes by: successes, failures, retries, refusals, rubbish."""
    plain = wire.envelope("demo.echo", (n,))
    if n % 50 == 1:
        return wire.envelope("demo.fail", ("ValueError", "no"))
    if n % 50 == 2:
        return wire.envelope("demo.retry", (1, 0.01))
    if n % 50 == 3:
        return wire.envelope("demo.ignore", ())
    if n % 50 == 4:
        return wire.envelope("demo.echo", ("x" * 20_000,))
    if n % 200 == 6:
        return wire.envelope(drop=["id"])
    return plain


@pytest.mark.petiole_only
@pytest.mark.skipif(is_sanitized(), reason="AddressSanitizer keeps freed memory for a while")
@pytest.mark.lasts(240, 1800)
def test_the_resident_size_after_many_tasks_is_what_it_was(start, redis_server, broker, length, capsys):
    rounds, of_tasks = length(10, 100), 10_000
    stream = [json.dumps(mixed(n)).encode() for n in range(of_tasks)]
    worker = start(loglevel="CRITICAL", ready=False,
                   config={"task_acks_late": True, "result_expires": 5})
    redis_server.until(lambda r: len(worker.children()) == 2 and r.exists("petiole.nodes"))
    sizes = []
    for _ in range(rounds):
        for first in range(0, of_tasks, 1000):
            broker.lpush("celery", *stream[first:first + 1000])
        redis_server.until(lambda r: not r.exists("celery", "unacked"), 60, what="the round's end")
        broker.delete("petiole.dead")
        assert worker.running(), worker.text[-2000:]
        sizes.append([resident_kb(pid) for pid in [worker.pid, *worker.children()]])
    with capsys.disabled():
        print(f"\n    resident kB (parent, children) after {of_tasks:,} tasks {sizes[0]}, "
              f"after {rounds * of_tasks:,} {sizes[-1]}")
    # The first rounds grow the tables to what the load needs; from then on, nothing.
    settled = sizes[len(sizes) // 4 + 1]
    for before, after in zip(settled, sizes[-1]):
        assert after <= before + SPREAD_KB, sizes
