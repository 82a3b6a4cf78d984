# SPDX-License-Identifier: Apache-2.0
"""What follows from a task's end: the messages in the queue, byte for byte, and the
documents of what can never run."""

import copy
import json
import re

import pytest

from actors import meta as metas
from actors import wire

ID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


def task(name, id, args=(), **options):
    """A signature as it stands in a message; what it sends stays in `elsewhere`."""
    return {"task": name, "args": list(args), "kwargs": {}, "subtask_type": None, "immutable": False,
            "options": {"task_id": id, "reply_to": "the-producer", "queue": "elsewhere", **options}}


def group(*tasks, **options):
    return {"task": "celery.group", "args": [], "kwargs": {"tasks": list(tasks)}, "subtask_type": "group",
            "immutable": False, "options": options}


def without(option, signature):
    signature = copy.deepcopy(signature)
    del signature["options"][option]
    return signature


LINKS = {
    "one": [task("a", "id-a")],
    "with arguments": [task("a", "id-a", [1, {"k": None}])],
    "immutable": [{**task("a", "id-a", argsrepr="()"), "immutable": True}],
    "two": [task("a", "id-a"), task("b", "id-b")],
    "a group": [group(task("a", "id-a"), task("b", "id-b"))],
    "a group and another": [group(task("a", "id-a"), task("b", "id-b")), task("c", "id-c")],
    "a priority": [task("a", "id-a", priority=7)],
    "headers": [task("a", "id-a", headers={"mine": [1]})],
    "stamps": [task("a", "id-a", stamped_headers=["who", "why"], who="me", why=[1, 2])],
    "limits": [task("a", "id-a", time_limit=10, soft_time_limit=2.0)],
    "a task of this worker": [task("demo.add", "id-a", [1])],
    "eta": [task("a", "id-a", eta="2030-01-02T03:04:05+02:00")],
    "eta as a datetime": [task("a", "id-a", eta={"__type__": "datetime",
                                                 "__value__": "2030-01-02T03:04:05.000006+00:00"})],
    "expires at": [task("a", "id-a", expires="2090-01-02T03:04:05+00:00")],
    "countdown and expires": [task("a", "id-a", countdown=100, expires=1000.5)],
    "links of its own": [task("a", "id-a", link=task("b", "id-b"), link_error=[task("c", "id-c")])],
    "a chain of its own": [task("a", "id-a", chain=[task("b", "id-b")])],
    "part of a chord": [task("a", "id-a", group_id="g", group_index=3, chord=task("b", "id-b"))],
    "unknown options": [task("a", "id-a", app_id="x", user_id=7)],
    "hidden arguments": [task("a", "id-a", ["secret"], argsrepr="(…)", kwargsrepr="{…}")],
    "shadow, retries, nesting": [task("a", "id-a", shadow="s", retries=2, replaced_task_nesting=1)],
    "ignore_result": [task("a", "id-a", ignore_result=True)],
    "no result wanted of a task of this worker": [task("demo.add", "id-a", [1], ignore_result=True)],
    "its own root and parent": [task("a", "id-a", root_id="r", parent_id="p")],
    "compressed": [task("a", "id-a", compression="zlib")],
    "a transient message": [task("a", "id-a", delivery_mode=1)],
    "null options": [task("demo.add", "id-a", [1], priority=None, time_limit=None, expires=None, countdown=None)],
    "an exchange": [task("a", "id-a", exchange="", routing_key="elsewhere")],
}


def anonymous(raw, id):
    message, body = wire.decoded(raw)
    own = message["properties"]["delivery_tag"], message["properties"]["reply_to"]
    text = json.dumps([message, body]).replace(message["body"], "<body>").replace(own[0], "<tag>")
    if message["headers"].get("compression"):
        text = text.replace(own[1], "<oid>")
    text = text.replace(id, "<parent>")
    text = re.sub(r'"expiration": "\d+"', '"expiration": "<ms>"', text)
    text = re.sub(r'"eta": "202[67]-[^"]+"|"expires": "202[67]-[^"]+"', '"<soon>"', text)
    return ID.sub("<id>", re.sub(r"gen\d+@[^\"]+", "<origin>", text))


def waiting(broker):
    return sorted(broker.keys("elsewhere*"))


def followed(side, call, args, at_least=0, **options):
    """The messages that followed from a call, in their order, and its document. Those of
    an early acknowledged task come behind all that else could be waited for."""
    side.connect(side.client)
    outcome = side.call(call, *args, _options=options)
    side.server.until(lambda r: not r.hlen("unacked") and
                      sum(r.llen(key) for key in waiting(r)) >= at_least, what="what follows")
    raws = [raw for key in waiting(side.broker) for raw in reversed(side.broker.lrange(key, 0, -1))]
    for key in waiting(side.broker):
        side.broker.delete(key)
    for raw in raws:
        assert json.dumps(json.loads(raw)).encode() == raw, "not the bytes that Python's json would write"
    children = ID.sub("<id>", json.dumps(outcome.meta["children"]))
    return [anonymous(raw, outcome.id) for raw in raws], children, outcome.got


def both_follow(pair, call, args, **options):
    theirs = followed(pair.theirs, call, args, **options)
    ours = followed(pair.ours, call, args, at_least=len(theirs[0]), **options)
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    return ours


@pytest.mark.parametrize("link", LINKS)
def test_a_callback_is_the_message_python_publishes(pair_default, link):
    messages, _, _ = both_follow(pair_default, "demo.add", [2, 3], link=LINKS[link])
    assert messages


@pytest.mark.parametrize("link", LINKS)
def test_the_next_of_a_chain_is_the_message_python_publishes(pair_default, link):
    messages, _, _ = both_follow(pair_default, "demo.add", [2, 3], chain=[task("z", "id-z"), *LINKS[link]])
    assert messages


@pytest.mark.parametrize("link", ["one", "two", "a group", "immutable", "with arguments", "stamps"])
def test_an_errback_is_the_message_python_publishes(pair_default, link):
    messages, children, _ = both_follow(pair_default, "demo.fail", ["ValueError", "bad"], link_error=LINKS[link])
    assert messages and children == "[]"


def test_callbacks_of_no_id_get_one(pair_default):
    links = [without("task_id", task("a", "")), without("task_id", task("b", ""))]
    messages, children, _ = both_follow(pair_default, "demo.add", [2, 3], link=links)
    assert len(messages) == 2 and children.count("<id>") == 3, "the group's, and theirs"


def test_a_callback_inherits_the_priority_where_the_setting_says_so(pair):
    both = pair({"task_inherit_parent_priority": True})
    for links in (LINKS["one"], LINKS["a priority"], LINKS["two"]):
        messages, _, _ = both_follow(both, "demo.add", [2, 3], link=links, priority=6)
        assert '"priority": 6' in messages[0]


def ended(side, id, **options):
    side.connect(side.client)
    side.broker.delete(f"celery-task-meta-{id}")
    outcome = side.call("demo.fail", "ValueError", "bad", _options=options)
    raw = side.server.until(lambda r: r.get(f"celery-task-meta-{id}"))
    meta = metas.load(raw)
    assert meta.pop("traceback").startswith("Traceback (most recent call last):\n")
    return ID.sub("<id>", TIME.sub("<time>", json.dumps(meta).replace(outcome.id, "<parent>")))


CHAINS = {
    "the next": [task("a", "waiting")],
    "the last": [task("a", "waiting"), task("b", "id-b")],
    "in a group": [task("a", "waiting", group_id="g", parent_id="p")],
    "the body of a chord": [{"task": "celery.chord", "args": [], "kwargs": {
        "header": [task("a", "id-a")], "body": task("b", "waiting"), "kwargs": {}},
        "options": {}, "subtask_type": "chord", "immutable": False}],
}


@pytest.mark.parametrize("extended", [False, True], ids=["short", "extended"])
@pytest.mark.parametrize("chain", CHAINS)
def test_what_waits_behind_a_failed_task_has_the_document_python_stores(pair, chain, extended):
    both = pair({"result_extended": extended})
    assert ended(both.ours, "waiting", chain=CHAINS[chain]) == ended(both.theirs, "waiting", chain=CHAINS[chain])


def test_a_callback_that_cannot_be_sent_makes_the_task_a_failure(pair):
    both = pair({"task_create_missing_queues": False})
    for side in (both.ours, both.theirs):
        outcome = side.call("demo.add", 2, 3, _options={"link": [task("a", "id-a", queue="nowhere")]})
        assert outcome.got["raised"] == "QueueNotFound"
        assert outcome.got["text"] == '"Queue \'nowhere\' missing from task_queues"'


def test_arguments_that_do_not_fit_a_task_of_this_worker_make_the_caller_a_failure(pair_default):
    for side in (pair_default.ours, pair_default.theirs):
        got = side.call("demo.add", 2, 3, _options={"link": [task("demo.add", "id-a")]}).got
        assert (got["raised"], got["text"]) == (
            "TypeError", "add() missing 1 required positional argument: 'y'")
