# SPDX-License-Identifier: Apache-2.0
"""The worker killed, and its line cut, at every single command of a small run: before
Redis gets it, and after Redis has executed it but before the answer is known. So every
state that a crash between two steps can leave behind is left behind once."""

import datetime
import json

import pytest

from actors import wire
from actors.account import Account, finished
from actors.strike import Run, one_run, sweep

FAR = "2100-01-01T00:00:00+00:00"


class SmallRun(Run):
    """Some of everything: tasks of two priorities, one due soon, one due in many years,
    one that retries, one that is rejected once, one nobody knows, one nobody can read."""

    def __init__(self, stage, plugins, config):
        super().__init__(stage, plugins, config)
        self.ids, self.others, self.kept = {}, [], []
        for n in range(5):
            self._work(str(n), priority=9 if n == 4 else 0)
        now = self.client.time()[0]
        self._work("soon", eta=now + 1)
        if config["task_acks_late"]:  # else a kill may cost them, and the ledger would not know
            self.others.append(self._send("demo.retry", (1, 0.1)))
            self.others.append(self._send("demo.reject", (True,)))
        self.kept.append(self._send("demo.echo", ("far",), headers={"eta": FAR}))
        self.kept.append(self._send("python.only", ()))
        wire.push(self.client, "{this is no message}")
        self.account = Account(self.ledger, self.server, self.ids, late=config["task_acks_late"])

    def _send(self, task, args, *, priority=0, headers=None):
        message = wire.envelope(task, args, priority=priority, headers=headers)
        wire.push(self.client, message, "celery\x06\x169" if priority else "celery")
        return message["headers"]["id"]

    def _work(self, name, *, priority=0, eta=None):
        when = eta and datetime.datetime.fromtimestamp(eta, datetime.timezone.utc).isoformat()
        self.ids[name] = self._send("ledger.work", (self.ledger.path, name, 2), priority=priority,
                                    headers={"eta": when})

    def over(self, r):
        done = finished(r, [*self.ids.values(), *self.others])
        if not self.config["task_acks_late"]:  # a result may die with the worker, as its task may
            done |= {self.ids[name] for name in {*self.ledger.ends(), *self.account.risked}}
        return len(done) == len(self.ids) + len(self.others) and r.exists("petiole.dead")

    def check(self, row_sum):
        super().check(row_sum)
        dead = [json.loads(letter)["message"] for letter in self.client.lrange("petiole.dead", 0, -1)]
        assert dead == ["{this is no message}"]
        assert sorted(self._left()) == sorted(self.kept), "what may not run yet is there, once"
        assert not self.client.exists("petiole.nodes")

    def _left(self):
        for key in ("celery", "celery\x06\x169"):
            for raw in self.client.lrange(key, 0, -1):
                yield json.loads(raw)["headers"]["id"]


@pytest.mark.petiole_only
@pytest.mark.lasts(300, 3000)
@pytest.mark.parametrize("late", [True, False], ids=["late", "early"])
@pytest.mark.parametrize("fate", ["killed", "cut off"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_no_boundary_between_two_commands_loses_anything(plugins, row, length, when, fate, late):
    config = {"task_acks_late": late, "task_reject_on_worker_lost": late,
              "broker_transport_options": {"visibility_timeout": 3600}}

    def make(stage):
        return SmallRun(stage, plugins, config)

    total = len(one_run(make, 1 << 30, when, False, {}))
    step = length(11, 1)
    # Each of the short runs begins elsewhere, so that together they meet many commands.
    first = 1 + (3 * (when == "after") + 6 * late) % step
    points = range(first, total + 8, step)
    sums, failed, struck = sweep([(make, k) for k in points], when, kill=fate == "killed")
    kinds = {name for _, name in struck}
    assert len(kinds) >= length(3, 10), f"too few kinds of commands met: {kinds}"
    ended = sums.pop("risked")
    row(f"{fate} {when} every {'' if step == 1 else f'{step}th '}command, "
        f"{'late' if late else 'early'} acknowledgement"
        f"{f'; {ended} ran then and ended with it' if ended else ''}", len(points), sums)
    assert not failed, "\n\n".join(failed)
