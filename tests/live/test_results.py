# SPDX-License-Identifier: Apache-2.0
"""What AsyncResult finds: metas compared key by key with a Python worker's."""

import datetime
import decimal
import uuid

import pytest

JSON_VALUES = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**64, -(10**40), 1.5, -0.0, 1e300, 5e-324,
    0.1, 1e16, 123456789012345680.0, float("inf"), float("-inf"), "", "plain", "naïve – ☃ 🙂 漢字",
    "quote \" back \\ slash / \b\f\n\r\t \u0000 \u2028", "\ud800 lone", [], {}, [[[]]],
    {"b": 1, "a": [None, {"c": "d"}]}, {"": "", "ключ": "значение"}, list(range(300)), "x" * 70000]


@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda v: repr(v)[:24])
def test_every_json_value_comes_back_as_python_would_return_it(pair_default, value):
    pair_default.same("demo.echo", value)


def test_nan_comes_back_as_nan(pair_default):
    outcome = pair_default.same("demo.echo", float("nan"))
    assert outcome.meta["result"] != outcome.meta["result"]


@pytest.mark.parametrize("value", [
    datetime.datetime(2026, 1, 2, 3, 4, 5, 678901), datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
    datetime.date(2026, 1, 2), decimal.Decimal("1.10"), uuid.UUID(int=5), b"text", b"\xff\x00"],
    ids=lambda v: type(v).__name__)
def test_typed_values_of_kombu_come_back_typed(pair_default, value):
    outcome = pair_default.same("demo.echo", value)
    assert outcome.got["value"] == value


def test_an_object_that_only_looks_typed_is_left_alone(pair_default):
    pair_default.same("demo.echo", {"__type__": "datetime", "__value__": "x", "more": 1})


def test_arguments_bind_by_position_and_by_name(pair_default):
    assert pair_default.same("demo.add", 2, 3).meta["result"] == 5
    assert pair_default.same("demo.add", 2, y=3).meta["result"] == 5
    assert pair_default.same("demo.add", x=2, y=3).meta["result"] == 5


@pytest.mark.parametrize("args, kwargs", [
    ((), {}), ((1,), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1, 2), {"z": 3}), ((), {"y": 1}),
    ((1, 2, 3, 4), {"x": 1})])
def test_a_call_that_does_not_fit_fails_in_the_words_of_cpython(pair_default, args, kwargs):
    outcome = pair_default.same("demo.add", *args, **kwargs)
    assert outcome.meta["result"]["exc_type"] == "TypeError"


@pytest.mark.parametrize("exception", [
    "ValueError", "KeyError", "RuntimeError", "ZeroDivisionError", "OSError", "UnicodeError",
    "TimeoutError", "ConnectionError", "NotImplementedError", "LookupError", "ArithmeticError",
    "NotRegistered", "ImproperlyConfigured", "TaskError", "zipfile.BadZipFile",
    "subprocess.SubprocessError"])
def test_a_failure_raises_the_same_class_in_the_caller(pair_default, exception):
    outcome = pair_default.same("demo.fail", exception, "it went wrong: naïve ☃")
    assert outcome.got["raised"] == exception.rpartition(".")[2]


def test_a_bare_unknown_exception_belongs_to_the_plugin(pair_default, kind):
    outcome = pair_default.ours.call("demo.fail", "CustomError", "boom")
    assert outcome.meta["result"]["exc_type"] == "CustomError"
    assert outcome.meta["result"]["exc_message"] == ["boom"]
    assert outcome.meta["result"]["exc_module"] == ("demo" if kind == "petiole" else "reference_app")
    assert outcome.got["raised"] == "CustomError"


@pytest.mark.petiole_only
def test_a_dotted_exception_need_not_exist_anywhere(pair_default):
    outcome = pair_default.ours.call("demo.fail", "some.package.TheirError", "boom")
    assert outcome.meta["result"] == {
        "exc_type": "TheirError", "exc_message": ["boom"], "exc_module": "some.package"}
    assert outcome.got["raised"] == "TheirError"


@pytest.mark.petiole_only
def test_a_memory_error_does_not_end_the_worker(pair_default):
    """A Python worker takes it for its own and dies."""
    outcome = pair_default.ours.call("demo.fail", "MemoryError", "no room")
    assert outcome.meta["result"]["exc_type"] == "MemoryError"


@pytest.mark.petiole_only
def test_a_system_exit_is_a_failure_and_not_a_lost_worker(pair_default):
    """A Python worker stores nothing for it and goes on as if all were well."""
    outcome = pair_default.ours.call("demo.fail", "SystemExit", "3")
    assert outcome.meta["status"] == "FAILURE"
    assert outcome.meta["result"]["exc_type"] == "SystemExit"


def test_ignore_result_stores_no_success(pair_default):
    side = pair_default.ours
    side.connect(side.client)
    quiet = side.client.send("demo.add", 1, 1, _options={"ignore_result": True})
    side.call("demo.add", 1, 1)  # sent later, so the quiet one was taken before it
    side.server.until(lambda r: not r.hlen("unacked") and not r.llen("celery"))
    assert side.worker.wait_line(f"demo.add\\[{quiet}\\] succeeded")
    assert side.broker.get(f"celery-task-meta-{quiet}") is None


def test_group_and_parent_ids_are_kept(pair_default):
    parent = str(uuid.UUID(int=7))
    outcome = pair_default.same("demo.add", 1, 1, _options={
        "group_id": "the-group", "parent_id": parent, "root_id": parent})
    assert outcome.meta["group_id"] == "the-group"
    assert outcome.meta["parent_id"] == parent


def test_started_is_stored_when_tracking_is_on(pair):
    both = pair({"task_track_started": True})
    outcome = both.same("demo.sleep", 0.01)
    assert [m["status"] for m in outcome.published] == ["STARTED", "SUCCESS"]


def test_extended_results_name_the_call(pair):
    both = pair({"result_extended": True})
    outcome = both.same("demo.add", 2, y=3)
    assert outcome.meta["kwargs"] == {"y": 3}
    both.same("demo.fail", "ValueError", "extended")
    both.same("demo.echo", {"deep": [1, {"x": None}]},
              _options={"stamped_headers": ["who"], "who": "me"})


@pytest.mark.parametrize("expires, ttl", [(60, 60), (None, -1), (0, -1)])
def test_results_expire_as_configured(pair, expires, ttl):
    both = pair({"result_expires": expires})
    assert both.same("demo.add", 1, 1).ttl == ttl


def test_progress_is_seen_as_custom_states(pair):
    both = pair()
    outcome = both.same("demo.progress", 3, 0.03)
    assert [m["status"] for m in outcome.published] == ["PROGRESS"] * 3 + ["SUCCESS"]
    assert all(m["date_done"] is None for m in outcome.published[:-1])


def test_a_success_is_never_overwritten(start, broker, producer):
    """A copy of a finished task must not turn its stored SUCCESS into a FAILURE."""
    start()
    id = producer.send("demo.add", 1, 1)
    assert producer.get(id)["value"] == 2
    before = broker.get(f"celery-task-meta-{id}")
    producer.send("demo.fail", "ValueError", "late", _options={"task_id": id})
    other = producer.send("demo.echo", "after")
    assert producer.get(other)["value"] == "after"
    assert broker.get(f"celery-task-meta-{id}") == before


def test_an_ignored_task_stores_nothing(pair_default):
    side = pair_default.ours
    side.connect(side.client)
    id = side.client.send("demo.ignore")
    side.worker.wait_line(f"demo.ignore\\[{id}\\] ignored")
    assert side.broker.get(f"celery-task-meta-{id}") is None


@pytest.mark.parametrize("requeue", [False, True])
def test_a_rejected_message_is_dropped_or_comes_back_once(start, broker, producer, redis_server, requeue):
    worker = start()
    id = producer.send("demo.reject", requeue)
    worker.wait_line(f"demo.reject\\[{id}\\] reject requeue={requeue}")
    if requeue:
        assert producer.get(id)["value"] is None
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.count(f"demo.reject\\[{id}\\] received") == (2 if requeue else 1)
