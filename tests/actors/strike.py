# SPDX-License-Identifier: Apache-2.0
"""A small run whose worker is killed, or cut off, at one command that it sends to Redis;
and the same for every command. An heir then ends what the first worker left."""

import concurrent.futures
import contextlib

from .account import ids_in
from .ledger import Ledger
from .proxy import Boundary
from .stage import Stage

CONCURRENT = 12  # a run mostly waits for the dead node's time to be up


class Run:
    """Subclasses send what is to be done, open `self.account`, and say when it is `over`."""

    kinds = ("petiole", "petiole")  # the worker that is struck, and its heir
    kept = ()  # ids of messages that are to be in Redis at the end

    def __init__(self, stage, plugins, config):
        self.stage, self.plugins, self.config = stage, plugins, config
        self.server = stage.redis()
        self.client = self.server.client()
        self.ledger = Ledger(stage.path("ledger"))

    def over(self, r):
        raise NotImplementedError

    def start(self, kind="petiole", proxy=None, hostname="w1@h1", ready=True):
        return self.stage.worker(kind, self.server, broker=proxy and proxy.url(), ready=ready,
                                 plugins=self.plugins, config=self.config, hostname=hostname)

    def strike(self, k, when, kill):
        """One worker that meets its fate at command k, if it gets that far; its heir."""
        proxy = Boundary(self.server.port, k, when, kill)
        try:
            worker = self.start(self.kinds[0], proxy, ready=False)
            # Python's children speak to Redis too, and would go on.
            proxy.pid = worker.pid if self.kinds[0] == "petiole" else -worker.pid
            proxy.told.set()
            self.server.until(lambda r: self.over(r) or proxy.struck.is_set(), 30, what="the strike, or the end")
            if not proxy.struck.is_set():
                worker.stop()  # the last commands are those of a worker that goes
            if kill and proxy.struck.is_set():
                worker.wait_exit()
                self.account.worker_died()
            heir = worker if worker.running() else self.start(self.kinds[1], hostname="heir@h1")
            self.inherit()
            assert heir.stop() == 0
            return proxy.names
        finally:
            proxy.close()

    def inherit(self):
        self.server.until(self.over, 40, what="the end of all tasks")
        if self.kinds[1] == "petiole":
            self.server.until(lambda r: r.hlen("petiole.nodes") <= 1, 20, what="the dead node's burial")
        self.server.until(lambda r: ids_in(r) == set(self.kept), 20, what="nothing left but what must wait")

    def check(self, row_sum):
        counts, lost, wrong = self.account.balance()
        for key, n in {**counts, "risked": len(self.account.risked)}.items():
            row_sum[key] = row_sum.get(key, 0) + n
        assert not lost and not wrong, (lost, wrong)
        assert ids_in(self.client) == set(self.kept)
        assert not self.client.exists("unacked", "unacked_index")


def one_run(make, k, when, kill, row_sum):
    """make(stage) → a Run. The names of the commands that its first worker sent."""
    with contextlib.closing(Stage()) as stage:
        run = make(stage)
        try:
            names = run.strike(k, when, kill)
            run.check(row_sum)
            assert not stage.alarms()
            return names
        except AssertionError as failure:
            logs = "\n".join(line for worker in stage.workers for line in worker.lines if line.startswith("["))
            raise AssertionError(f"at command {k} ({when}): {failure}\n{logs}") from failure
        finally:
            run.account.close()


def sweep(strikes, when, kill):
    """`strikes`: (make, k) of each run. The sums, what failed, and [(k, the name of the
    command struck at)]."""
    row_sum, failed, struck = {}, [], []
    with concurrent.futures.ThreadPoolExecutor(CONCURRENT) as pool:
        runs = {pool.submit(one_run, make, k, when, kill, row_sum): k for make, k in strikes}
        for run in concurrent.futures.as_completed(runs):
            try:
                names = run.result()
                struck += [(runs[run], name) for name in names[runs[run] - 1:runs[run]]]
            except AssertionError as failure:
                failed.append(str(failure))
    return row_sum, failed, struck
