# SPDX-License-Identifier: Apache-2.0
"""The line to Redis tears in the middle of a command or of a reply, again and again. The
worker lives and knows what it has done, so nothing at all is repeated."""

import pytest

from actors.proxy import Torn

pytestmark = pytest.mark.petiole_only


TEARS = 4  # of one worker: then its pauses grow so long that its peers take over


@pytest.mark.lasts(150, 1200)
@pytest.mark.parametrize("late", [True, False], ids=["late", "early"])
def test_lines_that_tear_at_random_bytes_lose_and_repeat_nothing(
        stage, redis_server, ledger, plugins, all_done, send_work, open_account, length, late):
    rounds = length(4, 25)
    ids = send_work(rounds * 80, 2)
    account = open_account(f"line torn at a random byte, {'late' if late else 'early'} acknowledgement", ids)
    tears = 0
    for n in range(rounds):
        proxy = Torn(redis_server.port, 100 * n + late, 6_000, 40_000)
        try:
            worker = stage.worker("petiole", redis_server, broker=proxy.url(), plugins=plugins, ready=False,
                                  hostname=f"w{n}@h1", config={"task_acks_late": late})
            left = len(account.unfinished())
            redis_server.until(lambda r: proxy.tears >= TEARS or len(account.unfinished()) <= left - 80, 60,
                               what=f"{TEARS} tears, or 80 tasks")
            proxy.mend()
            tears += proxy.tears
            assert worker.stop() == 0
        finally:
            proxy.close()
    stage.worker("petiole", redis_server, plugins=plugins)
    account.all_done(length(60, 300))
    account.check(tears)


@pytest.mark.lasts(120, 600)
def test_results_on_another_server_survive_its_tearing_line(
        stage, redis_server, producer, ledger, plugins, open_account, length, clients):
    """Broker and backend apart: what is acknowledged has its result, whatever tears."""
    results = stage.redis()
    producer.connect(redis_server.url(), results.url())
    names = [str(n) for n in range(length(400, 4000))]
    ids = dict(zip(names, producer.send_many("ledger.work", [[ledger.path, name, 2] for name in names])))
    account = open_account("line to the result backend torn, late acknowledgement", ids, server=results)
    proxy = Torn(results.port, 17, 3_000, 12_000)
    try:
        worker = stage.worker("petiole", redis_server, backend=proxy.url(), plugins=plugins,
                              config={"task_acks_late": True})
        results.until(lambda r: proxy.tears >= length(5, 30) or not account.unfinished(), length(60, 400), what="tears")
        proxy.mend()
        results.until(lambda r: not account.unfinished(), 60, what="all results")
        redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20)
        account.check(proxy.tears)
        assert worker.running()
    finally:
        proxy.close()
