# SPDX-License-Identifier: Apache-2.0
"""ptl_request: what a handler reads of its request, name by name as Task.request has it."""

import pytest

FIELDS = ["args", "kwargs", "retries", "eta", "expires", "delivery_info", "reply_to", "correlation_id",
          "group", "group_index", "timelimit", "time_limit", "soft_time_limit", "lang", "shadow", "id",
          "task", "root_id", "parent_id", "stamps", "stamped_headers", "ignore_result",
          "replaced_task_nesting", "argsrepr", "kwargsrepr", "headers", "hostname", "callbacks", "errbacks",
          "chain", "chord", "no_such_field"]
NEXT = {"task": "demo.echo", "args": ["ä"], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}


@pytest.mark.parametrize("options", [
    {}, {"priority": 6}, {"headers": {"trace": "abc", "n": [1, {"a": None}]}}, {"shadow": "other.name"},
    {"time_limit": 50, "soft_time_limit": 20.5}, {"expires": "2099-01-01T00:00:00+00:00"},
    {"group_id": "g", "group_index": 3}, {"root_id": "r", "parent_id": "p"},
    {"stamped_headers": ["who"], "who": "me"}, {"argsrepr": "(…)"}, {"replaced_task_nesting": 2},
    {"eta": "2020-01-01T00:00:00+00:00"}, {"ignore_result": False}, {"link": NEXT, "link_error": [NEXT]},
    {"chain": [NEXT]}, {"chord": NEXT}],
    ids=lambda o: ",".join(o) or "plain")
def test_the_request_reads_as_in_python(pair_default, options):
    found = []
    for side in (pair_default.ours, pair_default.theirs):
        fields = side.call("demo.request", FIELDS, _options=options).meta["result"]
        assert fields["correlation_id"] == fields["id"]
        for name in ("correlation_id", "id", "reply_to") + (() if "root_id" in options else ("root_id",)):
            assert fields.pop(name)
        found.append(fields)
    assert found[0] == found[1]


def test_properties_hold_what_nobody_knows(pair_default):
    found = []
    for side in (pair_default.ours, pair_default.theirs):
        result = side.call("demo.request", ["properties"], _options={"app_id": "mine"}).meta["result"]
        properties = result["properties"]
        assert properties["app_id"] == "mine"
        for name in ("correlation_id", "reply_to", "delivery_tag"):
            assert properties.pop(name)
        found.append(properties)
    assert found[0] == found[1]


@pytest.mark.petiole_only
def test_arguments_that_nobody_printed_are_printed(start, broker, producer):
    from actors import wire
    start()
    message = wire.envelope("demo.request", [["argsrepr", "kwargsrepr"]], drop=("argsrepr", "kwargsrepr"))
    wire.push(broker, message)
    value = producer.get(message["headers"]["id"])["value"]
    assert value == {"argsrepr": "(['argsrepr', 'kwargsrepr'],)", "kwargsrepr": "{}"}
