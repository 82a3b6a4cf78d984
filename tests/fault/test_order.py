# SPDX-License-Identifier: Apache-2.0
"""However a worker goes, what it held and had not started is at the front of its queue
again, in its old order and before what came later."""

import json
import signal

import pytest

pytestmark = pytest.mark.petiole_only


def order(client):
    """The ids in the queue, the next to be taken first."""
    return [json.loads(raw)["headers"]["id"] for raw in reversed(client.lrange("celery", 0, -1))]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("late", [True, False], ids=["late", "early"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_shutdown_puts_back_at_once_and_in_order(
        start, redis_server, broker, ledger, plugins, send_work, number, late):
    warm = number != signal.SIGQUIT
    ids = list(send_work(12, 600 if warm else 60_000).values())
    worker = start(plugins=plugins, concurrency=1, config={"task_acks_late": late})
    held = 4 if late else 5  # one that is acknowledged early does not count any more
    redis_server.until(lambda r: len(ledger.open_now()) == 1 and r.llen("celery") == 12 - held, what="all it may hold")
    worker.signal(number)
    worker.wait_exit()
    runs_again = late and not warm
    assert order(broker) == ids[0 if runs_again else 1:]
    assert not broker.exists("unacked", "unacked_index", "petiole.nodes")
    assert ledger.starts().keys() == {"0"}


@pytest.mark.timeout(60)
def test_what_a_killed_worker_held_is_back_in_order(
        start, redis_server, broker, ledger, plugins, late, send_work):
    ids = list(send_work(20, 60_000).values())
    dead = start(plugins=plugins, config=late, options=["--prefetch-multiplier", "8"])
    redis_server.until(lambda r: len(ledger.open_now()) == 2 and r.hlen("unacked") == 16, what="all it may hold")
    dead.kill()
    # A peer of another queue restores it, and touches nothing itself.
    peer = start(plugins=plugins, config=late, hostname="peer@h2", queues="other")
    redis_server.until(lambda r: r.llen("celery") == 20, 30, what="all messages back")
    assert order(broker) == ids
    assert peer.stop() == 0
