# SPDX-License-Identifier: Apache-2.0
"""What a row alone makes of a failure: retried, expected, stored though results are not;
and Task.retry with all that it takes."""

import json

import pytest

from actors import meta as metas
from actors import wire

RETRIED = ["ConnectionResetError", "IndexError"]
NOT_RETRIED = ["FileNotFoundError", "KeyError", "ValueError"]


@pytest.mark.parametrize("name", RETRIED)
def test_a_kind_of_the_row_is_retried_with_backoff(pair_default, name):
    outcome = pair_default.same("demo.autoretry", name, "why")
    assert [m["status"] for m in outcome.published] == ["RETRY", "RETRY", "FAILURE"]
    waits = [m["traceback"].strip().splitlines()[-1] for m in outcome.published[:2]]
    assert "Retry in 1s: " in waits[0] and "Retry in 2s: " in waits[1]
    assert outcome.got["raised"] == name
    pair_default.ours.worker.wait_line(rf"demo.autoretry\[{outcome.id}\] retry: Retry in 2s: {name}\('why'\)$")


@pytest.mark.parametrize("name", NOT_RETRIED)
def test_other_kinds_fail_at_once(pair_default, name):
    outcome = pair_default.same("demo.autoretry", name, "why")
    assert [m["status"] for m in outcome.published] == ["FAILURE"]


@pytest.mark.parametrize("name", ["ValueError", "reference_app.CustomError", "celery.exceptions.TaskError"])
def test_exception_covers_them_all(pair_default, name):
    outcome = pair_default.same("demo.autoretry_soon", name, "why")
    assert [m["status"] for m in outcome.published] == ["RETRY", "RETRY", "FAILURE"]


def test_a_call_that_does_not_fit_is_retried_too(pair_default):
    outcome = pair_default.ours.call("demo.autoretry_soon", "one")  # Python names its function otherwise
    assert [m["status"] for m in outcome.published] == ["RETRY", "RETRY", "FAILURE"]
    assert outcome.got["raised"] == "TypeError"


@pytest.mark.parametrize("name, args", [
    ("ValueError", []), ("ValueError", ["bad", 42]), ("ValueError", [None, [1, {"a": 2.5}], "x"]),
    ("KeyError", ["k"]), ("IndexError", [7]), ("OSError", [5, "Input/output error"]), ("ValueError", ["ä☃"])],
    ids=lambda v: str(v))
def test_exceptions_have_arguments_of_any_type(pair_default, name, args):
    pair_default.same("demo.fail_with", name, args)


def test_an_expected_failure_is_told_without_alarm(pair_default):
    outcome = pair_default.same("demo.fail_with", "KeyError", ["k"])
    for side in (pair_default.ours, pair_default.theirs):
        assert side.worker.wait_line(r"INFO/.*demo.fail_with\[\S+\] raised expected: KeyError\('k'\)$")
    assert outcome.meta["status"] == "FAILURE"


def test_errors_are_stored_where_results_are_not(pair_default):
    for side in (pair_default.ours, pair_default.theirs):
        outcome = side.call("demo.quiet", "ValueError", "why", _options={"ignore_result": True})
        assert outcome.meta["result"]["exc_message"] == ["why"]


def test_a_rejection_says_why(pair_default):
    for side in (pair_default.ours, pair_default.theirs):
        side.connect(side.client)
        id = side.client.send("demo.reject_for", "too late")
        assert side.worker.wait_line(rf"demo.reject_for\[{id}\] reject requeue=False: too late")


@pytest.mark.parametrize("options, times", [
    ({"exc": "ConnectionError", "message": "no route", "countdown": 0.01}, 1),
    ({"exc": "ConnectionError", "message": "no route", "countdown": 0.01, "max_retries": 1}, 9),
    ({"exc": "reference_app.CustomError", "message": "mine", "countdown": 0.01, "max_retries": 1}, 9),
    ({"countdown": 0.01, "max_retries": 1}, 9)], ids=lambda o: ",".join(o) if isinstance(o, dict) else str(o))
def test_a_retry_for_an_exception_ends_with_it(pair_default, options, times):
    pair_default.same("demo.retry_with", options, times)


def next_attempt(side, options, call):
    """The message that the retry left in the list `elsewhere` or in `unacked`."""
    side.connect(side.client)
    id = side.client.send("demo.retry_with", options, *call, _options={"priority": 3})

    def find(client):
        raws = [raw for key in client.keys("elsewhere*") for raw in client.lrange(key, 0, -1)]
        for raw in [*raws, *client.hvals("unacked")]:
            message, body = wire.decoded(raw)
            if message["headers"]["id"] == id and message["headers"]["retries"] == 1:
                return message, body
    message, body = side.server.until(find, what="a retry's message")
    side.broker.delete(*(side.broker.keys("elsewhere*") or ["none"]))
    headers, properties = message["headers"], message["properties"]
    for name in ("eta", "expires"):
        headers[name] = headers[name] and "<time>"
    for where in (headers, properties):
        where.pop("origin")
    # As in test_retry.py: Python writes old arguments anew, and spells defaults out.
    if "args" not in options and "kwargs" not in options:
        headers.pop("argsrepr")
    headers["ignore_result"] = headers["ignore_result"] or False
    headers["replaced_task_nesting"] = headers.get("replaced_task_nesting") or 0
    properties.pop("delivery_tag"), properties.pop("reply_to")
    if "expiration" in properties:
        properties["expiration"] = "<milliseconds>"
    text = json.dumps([headers, properties, body], sort_keys=True)
    return json.loads(text.replace(id, "<id>"))


LATER = {"countdown": 3600, "queue": "elsewhere"}


@pytest.mark.parametrize("options, call", [
    (LATER, ()), ({**LATER, "countdown": 0}, ()), ({**LATER, "priority": 9}, ()),
    ({**LATER, "expires": 100}, ()), ({**LATER, "time_limit": 60, "soft_time_limit": 30}, ()),
    ({**LATER, "time_limit": 60}, ()), ({**LATER, "shadow": "other"}, ()),
    ({**LATER, "args": [{}, 5]}, ()), ({**LATER, "args": [{}, 5], "kwargs": {"more": 1}}, ()),
    ({**LATER, "kwargs": {"times": 7}}, (2, "x")), ({"countdown": 3600}, ())],
    ids=lambda o: ",".join(o) if isinstance(o, dict) else "")
def test_the_message_of_a_retry_with_options(pair_default, options, call):
    ours, theirs = (next_attempt(side, options, call) for side in (pair_default.ours, pair_default.theirs))
    found = metas.differences(ours, theirs, key_order=False)
    assert not found, "\n".join(found)
