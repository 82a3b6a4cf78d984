# SPDX-License-Identifier: Apache-2.0
"""Each outcome, acknowledged early and late, under each setting that says whether it is:
the metas, and what is left in Redis, as a Python worker has it."""

import json
import signal

import pytest

from actors.worker import BUILD

OUTCOMES = {
    "success": ("demo.add", (1, 1), {}),
    "failure": ("demo.fail", ("ValueError", "no"), {}),
    "retry": ("demo.retry", (1, 0.1), {}),
    "soft limit": ("demo.sleep", (30,), {"soft_time_limit": 0.3}),
    "lost": ("demo.crash", ("segfault",), {}),
    "expired": ("demo.add", (1, 1), {"expires": "2001-01-01T00:00:00+00:00"}),
}
SETTINGS = [
    {}, {"task_acks_late": True},
    {"task_acks_late": True, "task_acks_on_failure_or_timeout": False},
    {"task_acks_late": True, "task_acks_on_failure": False, "task_acks_on_timeout": True}]


def name(config):
    return ",".join(f"{k.removeprefix('task_')}={v}" for k, v in config.items()) or "early"


@pytest.mark.parametrize("version", ["new"], indirect=True)
@pytest.mark.parametrize("config", SETTINGS, ids=name)
def test_every_outcome_is_stored_and_settled_as_python_does(pair, config, version):
    both = pair(config)
    for what, (task, args, options) in OUTCOMES.items():
        both.same(task, *args, _options=options)
        for side in (both.ours, both.theirs):
            side.server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"), what=what)


@pytest.mark.parametrize("version", ["new"], indirect=True)
@pytest.mark.parametrize("config", [{"task_acks_on_failure_or_timeout": False},
                                    {"task_acks_on_timeout": True, "task_acks_on_failure_or_timeout": False}],
                         ids=name)
@pytest.mark.parametrize("late", [False, True])
def test_a_hard_limit_fails_the_task_and_puts_it_back_only_if_it_shall(stage, kind, clients, config, late, version):
    """Both workers, each with a message of its own: FAILURE is stored either way."""
    put_back = late and "task_acks_on_timeout" not in config
    for each in (kind, "new"):
        server = stage.redis()
        worker = stage.worker(each, server, config={**config, "task_acks_late": late}, concurrency=1)
        clients["new"].connect(server.url(), server.url())
        id = clients["new"].send("demo.sleep", 30, _options={"time_limit": 0.5})
        assert clients["new"].get(id)["raised"] == "TimeLimitExceeded"
        if put_back:  # and so it comes again, although its state is final
            server.until(lambda r, w=worker: w.count(r"demo.sleep\[.*received") >= 2, what="a second run")
        else:
            server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
        worker.kill()


@pytest.mark.parametrize("version", ["new"], indirect=True)
@pytest.mark.parametrize("store", [False, True])
def test_ignored_results_leave_nothing_but_errors_if_these_are_wanted(stage, kind, clients, store, version):
    config = {"task_ignore_result": True, "task_store_errors_even_if_ignored": store}
    found = []
    for each in (kind, "new"):
        server = stage.redis()
        stage.worker(each, server, config=config, concurrency=1)
        clients["new"].connect(server.url(), server.url(), task_ignore_result=True)
        ids = {what: clients["new"].send(task, *args, _options={**options, "ignore_result": True})
               for what, (task, args, options) in {**OUTCOMES, "hard limit": (
                   "demo.sleep", (30,), {"time_limit": 0.5})}.items()}
        last = clients["new"].send("demo.add", 1, 1, _options={"ignore_result": False, "countdown": 1})
        server.until(lambda r, last=last: r.exists(f"celery-task-meta-{last}"), what="the last one")
        server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
        client = server.client()
        found.append({what: raw and json.loads(raw)["status"] for what, raw in (
            (what, client.get(f"celery-task-meta-{id}")) for what, id in ids.items())})
    assert found[0] == found[1]
    assert (found[0]["lost"] is not None) == store


@pytest.mark.parametrize("version", ["new"], indirect=True)
def test_extended_results_of_lost_and_killed_tasks_name_their_arguments(pair, version):
    both = pair({"result_extended": True})
    for what, args, options in (("demo.crash", ("segfault",), {}), ("demo.sleep", (30,), {"time_limit": 0.4})):
        meta = both.same(what, *args, _options=options).meta
        assert meta["args"] == list(args) and meta["kwargs"] == {}


@pytest.mark.parametrize("late", [False, True])
def test_a_cold_shutdown_gives_back_late_tasks_and_marks_early_ones(
        start, broker, producer, redis_server, kind, late):
    worker = start(config={"task_track_started": True, "task_acks_late": late}, concurrency=1)
    id = producer.send("demo.sleep", 30)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    waiting = [producer.send("demo.echo", n) for n in range(3)]
    redis_server.until(lambda r: r.hlen("unacked") == 3 + late, what="all taken")
    assert worker.stop(signal.SIGQUIT) == 0
    meta = json.loads(broker.get(f"celery-task-meta-{id}"))
    left = [json.loads(raw) for raw in reversed(broker.lrange("celery", 0, -1))]
    if late and kind == "petiole":  # a Python worker acknowledges it, without a result
        assert meta["status"] == "STARTED"
        assert [m["headers"]["id"] for m in left] == [id, *waiting]
        assert left[0]["headers"]["redelivered"] is True
    elif not late:
        assert meta["status"] == "RETRY" and meta["date_done"] is None and meta["children"] == []
        assert meta["result"] == {"exc_type": "Retry", "exc_module": "celery.exceptions", "exc_message": [
            "Retry(Retry(...), None, None)", None, None]}
        assert sorted(m["headers"]["id"] for m in left) == sorted(waiting)
    assert not broker.exists("unacked", "unacked_index")


@pytest.mark.petiole_only
def test_a_stop_at_any_moment_leaves_the_queue_in_its_order(start, broker, producer, redis_server):
    """Also when a fetch is under way: nothing overtakes what was given back before."""
    ids = [producer.send("demo.sleep", 0.02) for _ in range(60)]
    for n in range(12):
        worker = start(concurrency=1, options=["--prefetch-multiplier", "3"])
        redis_server.until(lambda r, n=n: r.llen("celery") < 60 - n)
        assert worker.stop() == 0
        left = [json.loads(raw)["headers"]["id"] for raw in reversed(broker.lrange("celery", 0, -1))]
        assert left == [id for id in ids if id in set(left)]


@pytest.mark.petiole_only
def test_a_task_that_is_never_content_is_no_busy_loop(start, broker, redis_server, producer):
    """At once the first time, then ever later; and at once when the worker stops."""
    def pushed():
        return broker.info("commandstats")["cmdstat_lpush"]["calls"]

    # Without mingle: its replies are pushed, too.
    worker = start(plugins=f"demo,{BUILD}/tests/live/plugins/requeue.so", options=["--without-mingle"])
    id = producer.send("requeue.never")
    before = 1  # the producer's own
    for times, held in ((2, "0.1"), (3, "0.2"), (4, "0.4"), (5, "0.8"), (6, "1.6")):
        worker.wait_line(rf"requeue.never\[{id}\] was requeued {times} times: held for {held} s")
        assert worker.count(rf"requeue.never\[{id}\] received") == times
        assert pushed() - before == times - 1
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert broker.hlen("unacked") == 1
    before += 1
    assert worker.stop() == 0
    assert pushed() - before == 6 and worker.count(rf"requeue.never\[{id}\] received") == 6
    [raw] = broker.lrange("celery", 0, -1)
    assert json.loads(raw)["properties"]["delivery_info"]["redelivered"] is True
    assert not broker.exists("unacked", "unacked_index")


@pytest.mark.petiole_only
@pytest.mark.parametrize("config, status, runs", [
    ({}, "SUCCESS", False), ({}, "FAILURE", False),
    ({"worker_keep_final_states": False}, "SUCCESS", True),
    ({"worker_keep_final_states": False, "worker_deduplicate_successful_tasks": True}, "SUCCESS", False),
    ({"worker_keep_final_states": False, "worker_deduplicate_successful_tasks": True}, "FAILURE", True),
], ids=["kept-success", "kept-failure", "off-success", "deduplicated-success", "deduplicated-failure"])
def test_what_a_redelivered_late_task_does_when_its_result_is_stored(
        start, broker, producer, redis_server, config, status, runs):
    id = producer.send("demo.add", 2, 3)
    message = json.loads(broker.lpop("celery"))
    message["headers"]["redelivered"] = message["properties"]["delivery_info"]["redelivered"] = True
    broker.lpush("celery", json.dumps(message))
    broker.set(f"celery-task-meta-{id}", json.dumps(
        {"status": status, "result": 7, "traceback": None, "children": [], "date_done": None, "task_id": id}))
    worker = start(config={"task_acks_late": True, **config})
    other = producer.send("demo.add", 4, 5)
    assert producer.get(other)["value"] == 9
    worker.wait_line(rf"{id}\] succeeded" if runs else rf"{id}\] (was finished before|Task already completed)")
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
    assert worker.count(rf"{id}\] succeeded") == runs
