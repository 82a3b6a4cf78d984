# SPDX-License-Identifier: Apache-2.0
"""ptl_send: the message in the queue, byte for byte, and what comes of it."""

import datetime
import json
import re

import pytest

from actors import wire

UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def sent(side, task, *args, options=None, parent=None):
    """The message in the list `elsewhere` that a handler sent there, with names for
    what differs from run to run: keys in their order, and every byte's meaning."""
    side.connect(side.client)
    key, outcome = side.broker, side.call("demo.send", task, *args,
                                          {"queue": "elsewhere", **(options or {})}, _options=parent)
    lists = [name for name in key.keys("elsewhere*")]
    assert len(lists) == 1, lists
    raw = key.rpop(lists[0])
    assert not key.exists(lists[0])
    assert json.dumps(json.loads(raw)).encode() == raw, "not the bytes that Python's json would write"
    return lists[0], outcome, raw


def anonymous(raw, outcome):
    """The text of the message and its body with placeholders."""
    message, body = wire.decoded(raw)
    text = json.dumps([message, body])
    text = text.replace(outcome.id, "<parent>").replace(outcome.got["value"], "<id>")
    text = text.replace(message["properties"]["delivery_tag"], "<tag>")
    text = text.replace(message["body"], "<body>") if message["headers"].get("eta") else text
    text = re.sub(r"gen\d+@[^\"]+", "<origin>", text)
    text = text.replace(json.dumps(message["properties"]["reply_to"]), '"<oid>"')
    for name in ("eta", "expires"):
        if message["headers"][name]:
            text = text.replace(message["headers"][name], f"<{name}>")
    return text


CALLS = {
    "plain": (["other.task", [2, 3]], {}),
    "nothing": (["other.task"], {}),
    "kwargs": (["other.task", [1], {"b": [None, True, 1.5], "ä": "☃"}], {}),
    "a task of this worker": (["demo.add", [2, 3]], {}),
    "long arguments": (["other.task", ["x" * 3000, list(range(2000))]], {}),
    "quotes": (["other.task", ["it's", 'say "hi"', "a\\b"]], {}),
    "a priority": (["other.task"], {"priority": 5}),
    "priority 0": (["other.task"], {"priority": 0}),
    "headers": (["other.task"], {"headers": {"trace": "abc", "n": 1}}),
    "headers that are Celery's": (["other.task"], {"headers": {"lang": "c", "shadow": "other"}}),
    "a shadow": (["other.task"], {"shadow": "another.name"}),
    "an id": (["other.task"], {"task_id": "an-id"}),
    "limits": (["other.task"], {"time_limit": 50, "soft_time_limit": 20.5}),
    "limits of a task of this worker": (["demo.add", [1, 2]], {"time_limit": 50}),
    "ignore_result": (["other.task"], {"ignore_result": True}),
    "results wanted": (["other.task"], {"ignore_result": False}),
    "a group": (["other.task"], {"group_id": "g"}),
    "hidden arguments": (["other.task", ["secret"]], {"argsrepr": "(…)", "kwargsrepr": "{…}"}),
    "zlib": (["other.task", ["x" * 300]], {"compression": "zlib"}),
    "not a child": (["other.task"], {"add_to_parent": False}),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_message_is_the_one_python_publishes(pair_default, call):
    arguments, options = CALLS[call]
    both = []
    for side in (pair_default.ours, pair_default.theirs):
        while len(arguments) < 3:
            arguments = [*arguments, [[], {}][len(arguments) - 1]]
        key, outcome, raw = sent(side, *arguments, options=options)
        both.append((key, anonymous(raw, outcome), outcome.comparable()["published"]))
    (our_key, ours, _), (their_key, theirs, _) = both
    assert our_key == their_key
    assert ours == theirs
    assert pair_default.ours.broker.smembers("_kombu.binding.elsewhere") == \
        pair_default.theirs.broker.smembers("_kombu.binding.elsewhere")


@pytest.mark.parametrize("parent", [{"root_id": "r", "parent_id": "p"}, {"priority": 6},
                                    {"headers": {"mine": 1}}, {"stamped_headers": ["who"], "who": "me"}],
                         ids=lambda o: next(iter(o)))
def test_only_what_celery_hands_on_is_handed_on(pair_default, parent):
    texts = []
    for side in (pair_default.ours, pair_default.theirs):
        _, outcome, raw = sent(side, "other.task", [], {}, parent=parent)
        texts.append(anonymous(raw, outcome))
    assert texts[0] == texts[1]


def moment(header):
    return datetime.datetime.fromisoformat(header)


def test_countdown_and_expires_become_times(pair_default):
    texts = []
    for side in (pair_default.ours, pair_default.theirs):
        before = datetime.datetime.now(datetime.timezone.utc)
        _, outcome, raw = sent(side, "other.task", [], {}, options={"countdown": 100, "expires": 200.5})
        after = datetime.datetime.now(datetime.timezone.utc)
        headers = json.loads(raw)["headers"]
        for name, seconds in (("eta", 100), ("expires", 200.5)):
            span = datetime.timedelta(seconds=seconds)
            assert before + span <= moment(headers[name]) <= after + span
        texts.append(re.sub(r'"expiration": "200\d{3}"', '"expiration": "<ms>"', anonymous(raw, outcome)))
    assert texts[0] == texts[1]
    assert "<ms>" in texts[0]


def test_children_lists_what_was_sent(pair_default):
    metas = []
    for side in (pair_default.ours, pair_default.theirs):
        outcome = side.call("demo.send", "demo.add", [1, 2])
        child = outcome.meta["result"]
        assert outcome.meta["children"] == [[[child, None], None]]
        assert side.client.get(child)["value"] == 3
        without = side.call("demo.send", "demo.add", [1, 2], {}, {"add_to_parent": False})
        assert without.meta["children"] == []
        metas.append(outcome)
    assert metas[0].comparable()["published"][0].keys() == metas[1].comparable()["published"][0].keys()


def test_a_trail_that_is_off_lists_nothing(pair_default):
    outcome = pair_default.same("demo.fan_out", 3)
    assert outcome.meta["children"] == []


def test_a_task_of_two_limits_that_contradict_fails_as_in_python(pair_default):
    ours = pair_default.ours.call("demo.send", "other.task", [], {}, {"time_limit": 1, "soft_time_limit": 2})
    assert ours.got["raised"] == "ValueError"
    assert ours.got["text"] == "soft_time_limit must be less than or equal to time_limit"


ROUTES = [
    {"feed.*": "feeds", "web.exact": {"queue": "exact", "priority": 9}, "*.heavy": {"queue": "heavy"}},
    [["feed.late", "never-reached"], ["video.*", {"queue": "videos", "priority": 3}]],
]


@pytest.mark.parametrize("task, options", [
    ("feed.import", {}), ("feed.late", {}), ("web.exact", {}), ("web.exacter", {}), ("image.heavy", {}),
    ("video.cut", {}), ("video.cut", {"priority": 6}), ("video.cut", {"queue": "mine"}),
    ("feed.import", {"exchange": "ex"}), ("feed.import", {"routing_key": "rk"}), ("nothing.else", {})],
    ids=lambda o: ",".join(o) if isinstance(o, dict) else o)
def test_routes_are_celerys(pair, task, options):
    both = pair({"task_routes": ROUTES})
    found = []
    for side in (both.ours, both.theirs):
        side.broker.delete("celery", *[k for k in side.broker.keys("*") if b"unacked" not in k and b"petiole" not in k])
        side.call("demo.send", task, [], {}, options)
        lists = {key: wire.decoded(side.broker.lindex(key, 0))[0]["properties"]["delivery_info"]
                 for key in side.broker.keys("*") if side.broker.type(key) == b"list" and b"petiole" not in key}
        found.append(lists)
    # What goes to the default queue has been taken by the worker itself.
    assert found[0] == found[1]
    assert bool(found[0]) == (task not in ("nothing.else", "web.exacter"))


def test_priority_is_inherited_where_the_setting_says_so(pair):
    both = pair({"task_inherit_parent_priority": True})
    keys = []
    for side in (both.ours, both.theirs):
        key, _, raw = sent(side, "other.task", [], {}, parent={"priority": 6})
        assert json.loads(raw)["properties"]["priority"] == 6
        key, _, raw = sent(side, "other.task", [], {}, options={"priority": 3}, parent={"priority": 6})
        keys.append((key, json.loads(raw)["properties"]["priority"]))
    assert keys[0] == keys[1]


@pytest.mark.petiole_only
def test_a_refused_message_fails_the_task_that_sent_it(start, broker, producer):
    worker = start()
    worker.tolerate("cannot be published")
    broker.set("elsewhere", "a string, not a list")
    id = producer.send("demo.late_send", "other.task", [], {}, {"queue": "elsewhere"})
    got = producer.get(id)
    assert got["raised"] == "OperationalError" and got["module"] == "kombu.exceptions"
    assert "WRONGTYPE" in got["text"]
    worker.wait_line("what it sent cannot be published: WRONGTYPE")


@pytest.mark.petiole_only
def test_a_handler_that_sends_a_hundred_thousand_tasks_fills_no_memory(start, broker, producer):
    worker = start(config={"task_routes": {"demo.add": "elsewhere"}})
    id = producer.send("demo.fan_out", 100_000)
    assert producer.get(id, timeout=120)["value"] == 100_000
    assert broker.llen("elsewhere") == 100_000
    with open(f"/proc/{worker.pid}/status") as status:
        peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak_kb < 40_000, f"the worker grew to {peak_kb} kB"
