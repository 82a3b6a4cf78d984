# SPDX-License-Identifier: Apache-2.0
"""The fault suite counts. Each scenario opens an account of what was sent, does its
harm, and closes the account: one row of the table in docs/reliability.md. `--full` makes
the counts those of that table; scripts/soak asks for it."""

import json
import time

import pytest

from actors.account import Account, finished, ids_in
from actors.ledger import Ledger
from actors.worker import BUILD


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the full counts, for hours not minutes")
    parser.addoption("--minutes", type=float, help="begin no further test after so long")
    parser.addoption("--rows", help="a file to append each scenario's counts to, as JSON lines")


def pytest_configure(config):
    config.addinivalue_line("markers", "lasts(short, full): time limits in seconds of the two lengths")
    config.addinivalue_line("markers", "full_only: measured for the table, promises nothing")


def pytest_collection_modifyitems(config, items):
    full = config.getoption("--full")
    for item in items:
        lasts = item.get_closest_marker("lasts")
        if lasts:
            item.add_marker(pytest.mark.timeout(lasts.args[1 if full else 0]))
        if item.get_closest_marker("full_only") and not full:
            item.add_marker(pytest.mark.skip(reason="only scripts/soak measures this"))


@pytest.fixture(autouse=True)
def in_time(request, begun=[]):
    """Keeps `--minutes`."""
    minutes = request.config.getoption("--minutes")
    begun.append(time.monotonic())
    if minutes and begun[-1] - begun[0] > minutes * 60:
        pytest.skip(f"the {minutes:g} minutes of --minutes are over")


@pytest.fixture
def length(request):
    """length(short, full): the count to use in this run."""
    full = request.config.getoption("--full")
    return lambda short_count, full_count: full_count if full else short_count


@pytest.fixture
def row(request, capsys):
    """row(scenario, runs, counts): says, and keeps, what a scenario counted."""

    def write(scenario, runs, counts):
        line = (f"{scenario}: {runs} runs, {counts['tasks']} tasks, lost {counts['lost']}, "
                f"repeated {counts['repeated']} of {counts['allowed']} allowed")
        path = request.config.getoption("--rows")
        if path:
            with open(path, "a") as f:
                f.write(json.dumps({"scenario": scenario, "runs": runs, **counts}) + "\n")
        with capsys.disabled():
            print(f"\n    {line}")

    return write


@pytest.fixture
def open_account(ledger, redis_server, row):
    """open_account(scenario, ids) → an account; its close(runs) demands that nothing was
    lost and nothing repeated beyond what was running."""
    opened = []

    def make(scenario, ids, server=None, **options):
        account = Account(ledger, server or redis_server, ids, **options)
        opened.append(account)

        def fate(names):
            """Where each of them is: for a message that a test can be understood by."""
            with account.server.client() as r:
                held = ids_in(r)
            lines = ledger.lines()
            return "\n".join(
                f"{n} {account.ids[n]}: {[line for line in lines if line[1] == n]}"
                f"{', its message is in Redis' if account.ids[n] in held else ''}" for n in sorted(names)[:5])

        def all_done(seconds):
            account.server.until(
                lambda r: not account.unfinished(), seconds, what="all results",
                explain=lambda: fate(account.unfinished()))
            account.server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20,
                                 what="an empty book")

        def check(runs):
            counts, lost, wrong = account.balance()
            ended = f"; {len(account.risked)} ran then and ended with it" if account.risked else ""
            row(scenario + ended, runs, counts)
            assert not lost, f"lost: {fate(lost)}"
            assert not wrong, f"started more often than was allowed: {fate(wrong)}"

        account.check, account.all_done = check, all_done
        return account

    yield make
    for account in opened:
        account.close()


@pytest.fixture
def ledger(stage):
    return Ledger(stage.path("ledger"))


@pytest.fixture
def plugins():
    return f"demo,{BUILD}/tests/fault/ledger.so"


@pytest.fixture
def late():
    """Late acknowledgement, and leases short enough for a test to outlive them."""
    return {"task_acks_late": True, "task_reject_on_worker_lost": True,
            "broker_transport_options": {"visibility_timeout": 3}}


@pytest.fixture
def send_work(request, ledger):
    """send_work(n, milliseconds) → {name: id} of n tasks that the ledger will know."""

    def send(n, milliseconds=0, prefix="", sender=None, **options):
        sender = sender or request.getfixturevalue("producer")
        names = [f"{prefix}{i}" for i in range(n)]
        ids = sender.send_many("ledger.work", [[ledger.path, name, milliseconds] for name in names], **options)
        return dict(zip(names, ids))

    return send


@pytest.fixture
def all_done(redis_server):
    """Waits until every id has its final state and nothing is held any more."""

    def wait(ids, seconds=60, server=redis_server):
        ids = list(ids.values() if isinstance(ids, dict) else ids)
        server.until(lambda r: len(finished(r, ids)) == len(ids), seconds, what="all results")
        server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), 20,
                     what="an empty book")

    return wait
