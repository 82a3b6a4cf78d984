# SPDX-License-Identifier: Apache-2.0
"""The worker killed, and its line cut, before and after every command of one hop of a
chain, of a chord's last part, of joins simple and nested, of a failure that goes round.
Every state that can be left behind is left behind once, and an heir ends it."""

import pytest

from actors.account import Account, finished
from actors.recording import Recording
from actors.strike import Run, one_run, sweep
from actors.workflow import Workflows

pytestmark = [pytest.mark.petiole_only, pytest.mark.lasts(300, 3600)]

KINDS = {
    "a hop of a chain": lambda work: work.chain("chain", 2),
    "a group and its callbacks": lambda work: work.linked_group("group", 2),
    "the parts and the join of a chord": lambda work: work.chord("chord", 2),
    "a join of nested results": lambda work: work.nested_chord("nested", 2),
    "a chord that fails": lambda work: work.failed_chord("failing", 1),
    "a failure and its errback": lambda work: work.failure("failure"),
}


class Ledgerless:
    path = "/the/path/of/the/ledger"


@pytest.fixture
def recorded(stage, producer):
    """recorded(kind) → (what it must come to, what its producer sent)."""

    def record(kind):
        server = stage.redis()
        producer.connect(server.url(), server.url())
        work = Workflows(producer, Ledgerless)
        KINDS[kind](work)
        return work, Recording(server.client(), Ledgerless.path)

    return record


class WorkflowRun(Run):
    def __init__(self, stage, plugins, config, work, recording, kinds=("petiole", "petiole")):
        super().__init__(stage, plugins, config)
        self.kinds, self._work = kinds, work
        recording.play(self.client, self.ledger.path)
        self.account = Account(self.ledger, self.server, work.ids, asks=kinds[1] == "petiole")

    def over(self, r):
        unrun = self._work.unrun.values()
        return not self.account.unfinished() and len(finished(r, unrun)) == len(unrun)

    def check(self, row_sum):
        super().check(row_sum)
        assert not self._work.wrong_results(self.client, self.account.ids)
        twice = {name for name, tags in self.ledger.messages().items() if len(tags) > 1}
        assert not twice, f"published twice: {twice}"
        assert not set(self.ledger.starts()) & set(self._work.unrun), "the body of a failed chord ran"


@pytest.fixture
def make_runs(recorded, plugins):
    """make_runs(kind, workers, visibility timeout) → what makes such a run on a stage."""

    def make_runs(kind, kinds=("petiole", "petiole"), timeout=3600):
        work, recording = recorded(kind)
        config = {"task_acks_late": True, "task_reject_on_worker_lost": True,
                  "broker_transport_options": {"visibility_timeout": timeout}}
        return lambda stage: WorkflowRun(stage, plugins, config, work, recording, kinds)

    return make_runs


def every(step):
    return "every command" if step == 1 else f"every {step}th command"


@pytest.mark.parametrize("fate", ["killed", "cut off"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_no_boundary_in_a_workflow_loses_or_repeats_anything(row, length, make_runs, when, fate):
    step, strikes = length(11, 1), []
    for n, kind in enumerate(KINDS):
        make = make_runs(kind)
        total = len(one_run(make, 1 << 30, when, False, {}))
        # Each begins elsewhere, so that together they meet many commands.
        first = 1 + (2 * n + 3 * (when == "after") + 6 * (fate == "killed")) % step
        strikes += [(make, k) for k in range(first, total + 4, step)]
    sums, failed, _ = sweep(strikes, when, kill=fate == "killed")
    sums.pop("risked")
    row(f"{len(KINDS)} small workflows, {fate} {when} {every(step)}", len(strikes), sums)
    assert not failed, "\n\n".join(failed)


# A Python worker that dies may have taken a message without booking it, and may have
# published a body without saying so: what that costs is its own, and told in the row.
@pytest.mark.parametrize("victim, heir", [("petiole", "new"), ("new", "petiole")])
def test_a_python_worker_and_petiole_end_each_others_joins(row, length, make_runs, victim, heir):
    make = make_runs("the parts and the join of a chord", (victim, heir), 9)
    total = len(one_run(make, 1 << 30, "after", False, {}))
    step = length(13, 1)
    strikes = [(make, k) for k in range(1 + step // 2, total + 1, step)]
    sums, failed, _ = sweep(strikes, "after", kill=True)
    sums.pop("risked")
    row(f"a chord, {victim} killed after {every(step)}, {heir} its heir: "
        f"{len(failed)} times not exactly once", len(strikes), sums)
    for failure in failed:
        print(failure)
    # Killed between its mark and the body, petiole leaves a chord that a Python heir takes for
    # done: the one gap that docs/reliability.md tells of. Which kill meets it is the commands' order.
    assert victim == "new" or len(failed) <= length(1, 2)
