# SPDX-License-Identifier: Apache-2.0
"""RETRY: the stored metas, and the message that a retry publishes, field by field."""

import datetime
import json

import pytest

from actors import meta as metas
from actors import wire
from actors.worker import BUILD


def held_message(side, id):
    """The message of `id` that the worker holds for its ETA."""

    def find(client):
        for raw in client.hvals("unacked"):
            message, body = wire.decoded(raw)
            if message["headers"]["id"] == id and message["headers"]["retries"] == 1:
                return message, body, json.loads(raw)[1:]

    return side.server.until(find, what="a held retry")


def retried(side, options):
    side.connect(side.client)
    id = side.client.send("demo.retry", 1, countdown=3600, _options=options)
    message, body, route = held_message(side, id)
    eta = datetime.datetime.fromisoformat(message["headers"].pop("eta"))
    left = (eta - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 3500 < left <= 3600
    assert message["properties"].pop("delivery_tag")
    message["headers"].pop("origin"), message["properties"].pop("origin")
    message["properties"].pop("reply_to")
    message["headers"].pop("compression", None)  # ours stays packed, theirs is unpacked
    # A Python worker writes the arguments anew, also where the producer chose to hide
    # them; petiole keeps what the producer wrote. Defaults may be spelled out or not.
    message["headers"].pop("argsrepr")
    for header, default in (("ignore_result", False), ("replaced_task_nesting", 0)):
        message["headers"][header] = message["headers"].get(header) or default
    if "expiration" in message["properties"]:
        message["properties"]["expiration"] = "<milliseconds>"
    text = json.dumps([message["headers"], message["properties"], body, route], sort_keys=True)
    rest = {k: v for k, v in message.items() if k not in ("headers", "properties", "body")}
    return json.loads(text.replace(id, "<id>")), rest


@pytest.mark.parametrize("options", [
    {}, {"priority": 5}, {"headers": {"trace": "abc", "n": 1}}, {"time_limit": 50, "soft_time_limit": 20},
    {"expires": "2099-01-01T00:00:00+00:00"}, {"shadow": "another.name"}, {"group_id": "g", "group_index": 3},
    {"compression": "zlib"}, {"ignore_result": True}, {"root_id": "r", "parent_id": "p"},
    {"stamped_headers": ["who"], "who": "me"}, {"argsrepr": "(secret)"}, {"replaced_task_nesting": 2}],
    ids=lambda o: ",".join(o) or "plain")
def test_the_retry_message_is_the_one_python_publishes(pair_default, options):
    ours, theirs = (retried(side, options) for side in (pair_default.ours, pair_default.theirs))
    found = metas.differences(ours, theirs, key_order=False)
    assert not found, "\n".join(found)


@pytest.mark.petiole_only
def test_a_retry_keeps_what_the_producer_shows_of_the_arguments(pair_default):
    side = pair_default.ours
    side.connect(side.client)
    id = side.client.send("demo.retry", 1, countdown=3600, _options={"argsrepr": "(secret)"})
    message, _, _ = held_message(side, id)
    assert message["headers"]["argsrepr"] == "(secret)"


def test_retry_is_stored_and_then_the_success(pair_default):
    outcome = pair_default.same("demo.retry", 2, 0.3)
    assert [m["status"] for m in outcome.published] == ["RETRY", "RETRY", "SUCCESS"]
    assert outcome.meta["result"] == 2


def test_retries_come_to_an_end(pair):
    both = pair(plugins=f"demo,{BUILD}/tests/fault/ledger.so")
    outcome = both.same("ledger.give_up", 0.3)
    assert [m["status"] for m in outcome.published] == ["RETRY"] * 3 + ["FAILURE"]
    assert outcome.got["raised"] == "MaxRetriesExceededError"


def test_a_retry_of_a_late_task_is_acknowledged_after_it_was_published(pair):
    both = pair({"task_acks_late": True})
    both.same("demo.retry", 1, 0.3)
    both.ours.server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
