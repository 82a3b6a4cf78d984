# SPDX-License-Identifier: Apache-2.0
"""Workflows that a handler starts, or is replaced by: the same as of a Python task."""

import json

import pytest

from actors.meta import differences


@pytest.mark.parametrize("call, value", [(("demo.chain", 1), 7), (("demo.chord", 5), 20)],
                         ids=["chain", "chord"])
def test_the_id_of_a_workflow_is_where_its_result_will_be(pair_default, call, value):
    for side in (pair_default.ours, pair_default.theirs):
        id = side.call(*call).got["value"]
        assert side.client.get(id)["value"] == value


def test_the_members_of_a_group_are_the_children_of_its_sender(pair_default):
    for side in (pair_default.ours, pair_default.theirs):
        outcome = side.call("demo.group", 3)
        [[[id, parent], members]] = outcome.meta["children"]
        assert (id, parent) == (outcome.got["value"], None)
        assert [side.client.get(member[0][0])["value"] for member in members] == [0, 2, 4]


def names(children):
    return [[["<id>", parent], members and names(members)] for [[_, parent], members] in children]


@pytest.mark.parametrize("expression", ['s("demo.chain", 1)', 's("demo.chord", 2)', 's("demo.group", 2)',
                                        's("demo.apply", chain(s("demo.add", 1, 1), s("demo.echo")))'])
def test_what_a_handler_sends_is_listed_as_python_lists_it(pair_default, expression):
    children = []
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        id = side.client.canvas(expression)
        side.client.get(id)
        meta = json.loads(side.broker.get(f"celery-task-meta-{id}"))
        children.append(names(meta["children"]))
    assert children[0] == children[1]


ADD, GROUP = 's("demo.add", 1, 2)', 'group([s("demo.add", 1, 2), s("demo.add", 3, 4)])'
CHAIN = 'chain(s("demo.add", 1, 2), s("demo.add", 3))'
CHORD = f'chord({GROUP}, s("demo.xsum"))'
REPLACED = {
    "by a task": (f's("demo.replace", {ADD})', 3),
    "by a chain": (f's("demo.replace", {CHAIN})', 6),
    "by a group": (f's("demo.replace", {GROUP})', [3, 7]),
    "by a chord": (f's("demo.replace", {CHORD})', 10),
    "by a chain that ends in a group":
        (f's("demo.replace", chain(s("demo.add", 1, 2), group([s("demo.add", 1), s("demo.add", 2)])))',
         [4, 5]),
    "by one that is replaced": (f's("demo.replace", s("demo.replace", {ADD}))', 3),
    "acknowledged late": (f's("demo.late_replace", {CHORD})', 10),
    "in a chain": (f'chain(s("demo.replace", {ADD}), s("demo.add", 10))', 13),
    "by a chain in a chain": (f'chain(s("demo.replace", {CHAIN}), s("demo.add", 10), s("demo.add", 1))', 17),
    "by a group in a chain": (f'chain(s("demo.replace", {GROUP}), s("demo.xsum"))', 10),
    "by a chord in a chain": (f'chain(s("demo.replace", {CHORD}), s("demo.add", 10))', 20),
    "in a chord": (f'chord([s("demo.replace", {ADD}), s("demo.add", 1, 1)], s("demo.echo"))', [3, 2]),
    "by a chain in a chord": (f'chord([s("demo.add", 1, 1), s("demo.replace", {CHAIN})], s("demo.echo"))',
                              [2, 6]),
    "by a group in a chord": (f'chord([s("demo.replace", {GROUP}), s("demo.add", 1, 1)], s("demo.echo"))',
                              [[3, 7], 2]),
    "by a chord in a chord": (f'chord([s("demo.replace", {CHORD}), s("demo.add", 1, 1)], s("demo.echo"))',
                              [10, 2]),
    "as the body of a chord": (f'chord({GROUP}, chain(s("demo.xsum"), s("demo.add", 1)) '
                               f'| s("demo.echo"))', 11),
    "in a chain in a chord":
        (f'chord([chain(s("demo.replace", {CHORD}), s("demo.add", 1)), s("demo.echo", 0)], s("demo.echo"))',
         [11, 0]),
}


@pytest.mark.parametrize("case", REPLACED)
def test_a_task_is_replaced_and_its_callers_do_not_notice(pair_default, case):
    expression, value = REPLACED[case]
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        got = side.client.get(side.client.canvas(expression))
        assert got == {"value": value, "state": "SUCCESS"}, side.kind


def test_the_log_says_that_a_replaced_task_is_ignored(pair_default):
    side = pair_default.ours
    side.connect(side.client)
    id = side.client.canvas(f's("demo.replace", {ADD})')
    assert side.client.get(id)["value"] == 3
    side.worker.wait_line(rf"INFO/ForkPoolWorker-\d+\] Task demo\.replace\[{id}\] ignored$")


def test_a_callback_of_a_replaced_task_gets_the_new_result(pair_default):
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        callback = side.client.signature('s("demo.add", 1).set(task_id=id)', id=f"callback-{side.kind}")
        side.client.send("demo.replace", side.client.signature(CHAIN), _options={"link": [callback]})
        assert side.client.get(f"callback-{side.kind}")["value"] == 7


def test_a_chord_waits_for_what_is_added_to_it(pair_default):
    expression = f'chord([s("demo.add_to_chord", {ADD}), s("demo.echo", 5)], s("demo.echo"))'
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        got = side.client.get(side.client.canvas(expression))["value"]
        added = next(value for value in got if isinstance(value, str))
        assert side.client.get(added)["value"] == 3
        assert sorted(map(str, got)) == sorted(["3", "5", added])


REFUSED = {
    "outside of any chord": ("demo.add_to_chord", ADD),
    "by an empty chain": ("demo.replace", "chain()"),
    "by a part of a chord": ("demo.replace", f'{ADD}.set(chord=s("demo.echo"))'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fails_as_in_python(pair_default, case):
    name, expression = REFUSED[case]
    both = []
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        got = side.call(name, side.client.signature(expression)).got
        both.append({key: got[key] for key in ("raised", "module", "args")})
    assert not differences(*both)
