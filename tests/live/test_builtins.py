# SPDX-License-Identifier: Apache-2.0
"""The tasks that every Celery worker has, compared with a Python worker's."""

import json

import pytest

ADD = {"task": "demo.add", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}
ECHO = dict(ADD, task="demo.echo")
FAIL = dict(ADD, task="demo.fail")


@pytest.mark.parametrize("args, kwargs", [
    ((1, 2), {}), ((1, 2), {"index": 0}), (([3, 4], "x"), {"index": -2}), ((1,), {"index": None}), ((), {}),
    ((1, 2), {"index": True}), ((1,), {"other": 2})], ids=repr)
def test_accumulate_gives_back_its_arguments_or_one_of_them(pair_default, args, kwargs):
    assert pair_default.same("celery.accumulate", *args, **kwargs).meta["status"] == "SUCCESS"


@pytest.mark.parametrize("index", [2, -3, "x", 1.5, [], 2**70], ids=repr)
def test_accumulate_indexes_as_a_tuple_does(pair_default, index):
    assert pair_default.same("celery.accumulate", 1, 2, index=index).meta["status"] == "FAILURE"


@pytest.mark.parametrize("items", [[], [1, "a", None, [2], {"k": 3}], "añ☃", {"a": 1, "b": 2}], ids=repr)
def test_map_runs_a_task_for_each_item(pair_default, items):
    assert pair_default.same("celery.map", ECHO, items).meta["result"] == list(items)


def test_starmap_spreads_each_item(pair_default):
    assert pair_default.same("celery.starmap", ADD, [[1, 2], [3, 4]]).meta["result"] == [3, 7]
    assert pair_default.same("celery.starmap", "demo.echo", ["x", {"key": 1}]).meta["result"] == ["x", "key"]


def test_a_thousand_items_are_one_task(pair_default):
    result = pair_default.same("celery.starmap", ADD, [[i, i] for i in range(1000)]).meta["result"]
    assert result == [2 * i for i in range(1000)]


@pytest.mark.parametrize("items", [5, None, 1.5, True], ids=repr)
def test_what_cannot_be_iterated_is_a_type_error(pair_default, items):
    assert pair_default.same("celery.map", ECHO, items).meta["result"]["exc_type"] == "TypeError"


@pytest.mark.parametrize("task", [dict(ADD, task="no.such"), "no.such", {}, dict(ADD, task=None)], ids=repr)
def test_a_task_that_this_worker_lacks_is_not_registered(pair_default, task):
    assert pair_default.same("celery.map", task, [1]).meta["status"] == "FAILURE"


def test_the_first_item_that_fails_fails_the_whole(pair_default):
    outcome = pair_default.same("celery.starmap", FAIL, [["ValueError", "bad"], ["KeyError", "worse"]])
    assert outcome.meta["result"] == {"exc_type": "ValueError", "exc_message": ["bad"], "exc_module": "builtins"}
    outcome = pair_default.same("celery.map", ADD, [1])
    assert outcome.meta["result"]["exc_message"] == ["add() missing 1 required positional argument: 'y'"]


def test_a_task_may_be_mapped_that_maps_itself(pair_default):
    inner = dict(ADD, task="celery.starmap")
    assert pair_default.same("celery.starmap", inner, [[ADD, [[1, 2], [3, 4]]], [ADD, []]]).meta["result"] == \
        [[3, 7], []]


def test_an_item_that_cannot_be_spread_is_a_type_error(pair_default):
    outcome = pair_default.ours.call("celery.starmap", ADD, [5])
    assert outcome.meta["result"]["exc_message"] == ["demo.add() argument after * must be an iterable, not int"]


def test_an_item_that_wants_a_retry_fails_the_whole(pair_default):
    """A Python worker leaves the state RETRY for ever, since nothing is sent."""
    outcome = pair_default.ours.call("celery.starmap", dict(ADD, task="demo.retry"), [[1, 0]])
    assert outcome.meta["result"]["exc_type"] == "Retry"


@pytest.mark.parametrize("args", [(), (1, 2)])
def test_a_chain_is_no_task(pair_default, args):
    assert pair_default.same("celery.chain", *args).meta["result"]["exc_message"] == ["chain is not a real task"]


def test_there_is_nothing_to_clean_up(pair_default):
    assert pair_default.same("celery.backend_cleanup").meta["result"] is None


def test_a_ping_is_answered(pair_default):
    assert pair_default.ours.call("celery.ping").meta["result"] == "pong"


def leaves(side, tuple_):
    """The values of a group's members, once all are there."""
    return [side.client.get(id)["value"] for (id, _), _ in tuple_[1]]


def test_chunks_are_sent_as_a_group_of_starmaps(pair_default):
    """Python's task sends them too, and then fails to encode its result."""
    side = pair_default.ours
    outcome = side.call("celery.chunks", ADD, [[1, 2], [3, 4], [5, 6]], 2)
    assert leaves(side, outcome.meta["result"]) == [[3, 7], [11]]
    assert outcome.meta["children"] == [outcome.meta["result"]]


@pytest.mark.parametrize("items, n", [([[1, 2]], 0), (5, 1)], ids=repr)
def test_chunks_of_nothing_or_of_no_size_fail_as_in_python(pair_default, items, n):
    assert pair_default.same("celery.chunks", ADD, items, n).meta["status"] == "FAILURE"


def frozen(id):
    return dict(ADD, args=[10], options={"task_id": id})


def test_a_groups_members_are_sent_with_the_arguments_it_has(pair_default):
    side = pair_default.ours
    tasks = [frozen("member-1"), frozen("member-2")]
    result = [["group-1", None], [[["member-1", None], None], [["member-2", None], None]]]
    outcome = side.call("celery.group", tasks, result, "group-1", [5])
    assert outcome.meta["result"] == result
    assert outcome.meta["children"] == [result]
    assert leaves(side, result) == [15, 15]


def test_a_chord_is_applied(pair_default):
    side = pair_default.ours
    body = dict(ECHO, options={"task_id": "body-of-builtin-chord"})
    outcome = side.call("celery.chord", [dict(ADD, args=[1, 2]), dict(ADD, args=[3, 4])], body)
    assert outcome.meta["status"] == "SUCCESS"
    assert side.client.get("body-of-builtin-chord")["value"] == [3, 7]


class Unlocking:
    """A chord whose parts nobody counts: the results are put there by the test."""

    def __init__(self, side, id, **kwargs):
        self.side, self.id, self.kwargs = side, id, kwargs
        self.parts = [f"{id}-part-{i}" for i in range(3)]
        self.body = dict(ECHO, options={"task_id": f"{id}-body"})

    def store(self, id, status, result):
        meta = {"status": status, "result": result, "traceback": None, "children": [], "task_id": id}
        self.side.broker.set(f"celery-task-meta-{id}", json.dumps(meta))

    def send(self, result=None):
        self.side.connect(self.side.client)  # which both sides share
        tuples = result or [[[id, None], None] for id in self.parts]
        return self.side.client.send("celery.chord_unlock", self.id, self.body, result=tuples,
                                     _options={"task_id": f"{self.id}-unlock"}, **{"interval": 0.1, **self.kwargs})

    def got(self):
        return self.side.client.get(f"{self.id}-body")

    def meta(self):
        """Of the body, in what a failure says."""
        raw = self.side.server.until(lambda client: client.get(f"celery-task-meta-{self.id}-body"), what="a body's end")
        return {k: v for k, v in json.loads(raw).items() if k in ("status", "result")}


def both(pair, id, **kwargs):
    return [Unlocking(side, id, **dict(kwargs)) for side in (pair.ours, pair.theirs)]


def test_chord_unlock_calls_the_body_once_all_results_are_there(pair_default, version):
    for chord in both(pair_default, f"unlock-{version}"):
        chord.store(chord.parts[0], "SUCCESS", 1)
        chord.store(chord.parts[1], "STARTED", {"pid": 1})
        chord.send()
        chord.side.worker.wait_line(rf"chord_unlock\[{chord.id}-unlock\] retry: Retry in")
        chord.store(chord.parts[1], "SUCCESS", [2])
        chord.store(chord.parts[2], "SUCCESS", None)
        assert chord.got()["value"] == [1, [2], None]


def test_chord_unlock_keeps_the_shape_of_nested_groups(pair_default, version):
    for chord in both(pair_default, f"nested-{version}"):
        a, b, c = chord.parts
        for i, id in enumerate(chord.parts):
            chord.store(id, "SUCCESS", i)
        chord.send([[[a, None], None], [["g", None], [[[b, None], None], [[c, None], None]]]])
        assert chord.got()["value"] == [0, [1, 2]]


def test_a_part_that_failed_fails_the_body(pair_default, version):
    metas = []
    for chord in both(pair_default, f"failed-{version}"):
        chord.store(chord.parts[0], "SUCCESS", 1)
        chord.store(chord.parts[1], "FAILURE", {"exc_type": "ValueError", "exc_message": ["bad"],
                                                "exc_module": "builtins"})
        chord.store(chord.parts[2], "SUCCESS", 1)
        chord.send()
        metas.append(chord.meta())
    assert metas[0] == metas[1]
    assert metas[0]["result"]["exc_message"] == ["ValueError('bad')"]


def test_without_a_retry_left_the_body_fails_too(pair_default, version):
    metas = []
    for chord in both(pair_default, f"endless-{version}", max_retries=1):
        chord.send()
        metas.append(chord.meta())
    for meta in metas:
        meta["result"]["exc_message"] = meta["result"]["exc_message"][0].split(" args:")[0]
    assert metas[0] == metas[1]


@pytest.mark.parametrize("result", [None, 5])
def test_chord_unlock_of_nothing_fails_the_task_alone(pair_default, result):
    side = pair_default.ours
    side.connect(side.client)
    id = side.client.send("celery.chord_unlock", "g", ECHO, result=result)
    side.worker.wait_line(rf"chord_unlock\[{id}\] raised unexpected: TypeError")


@pytest.mark.parametrize("name, args", [
    ("celery.map", ([], 5)), ("celery.map", (None, None)), ("celery.starmap", ({"task": {}}, [[]])),
    ("celery.chunks", (ADD, [1], "x")), ("celery.group", (5, None, None, None)),
    ("celery.group", ([5], None, "g", [])), ("celery.group", ([[]], 5, {}, 7)),
    ("celery.chord", (5, 5)), ("celery.chord", ([5], {})), ("celery.chord", ([ADD], None)),
    ("celery.chord", ({}, ADD))], ids=repr)
def test_nonsense_fails_the_task_alone(pair_default, name, args):
    assert pair_default.ours.call(name, *args).meta["status"] == "FAILURE"
    assert pair_default.ours.call("demo.add", 1, 2).meta["result"] == 3
