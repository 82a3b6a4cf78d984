# SPDX-License-Identifier: Apache-2.0
"""The account itself: what it forgives with early acknowledgement, and what it does not."""

import pytest

from actors import wire
from actors.account import Account

pytestmark = pytest.mark.petiole_only

ACKNOWLEDGED, LOST, PUT_BACK, BURIED = "acknowledged", "lost", "put back", "buried"


def test_a_task_acknowledged_early_is_risked_and_one_that_vanished_is_lost(redis_server, ledger, broker):
    messages = {name: wire.envelope() for name in (ACKNOWLEDGED, LOST, PUT_BACK, BURIED)}
    account = Account(ledger, redis_server, {name: m["headers"]["id"] for name, m in messages.items()}, late=False)
    try:
        for name, message in messages.items():
            tag = name.replace(" ", "-")
            raw = wire.push(broker, message).decode()
            broker.eval("""redis.call("RPOP", "celery")
                           redis.call("HSET", "unacked", ARGV[1], '[' .. ARGV[2] .. ', "", "celery"]')""", 0, tag, raw)
        broker.hdel("unacked", ACKNOWLEDGED)
        broker.eval("""redis.call("HDEL", "unacked", "put-back", "buried")""", 0)
        wire.push(broker, messages[PUT_BACK])
        broker.delete("unacked")
        account.worker_died()
        assert account.risked == {ACKNOWLEDGED}
        assert account.balance()[1] == {LOST, PUT_BACK, BURIED}, "none of which has an end"
    finally:
        account.close()
