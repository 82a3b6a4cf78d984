# SPDX-License-Identifier: Apache-2.0
"""The connection to the broker breaks while tasks run: what Celery's settings make of it."""

import json

import pytest


def cut(broker):
    """Redis closes every connection but this one."""
    broker.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def status(client, id):
    raw = client.get(f"celery-task-meta-{id}")
    return raw and json.loads(raw)["status"]


# Celery 5.7 no longer does it on Redis; those before it did.
@pytest.mark.parametrize("on", [pytest.param(True, marks=pytest.mark.petiole_only), False])
def test_less_is_taken_until_the_tasks_from_before_have_ended(start, broker, producer, redis_server, on):
    worker = start(config={"task_track_started": True, "worker_enable_prefetch_count_reduction": on})
    id = producer.send("demo.sleep", 3)
    redis_server.until(lambda r: status(r, id) == "STARTED")
    cut(broker)
    worker.wait_line("Connection to broker lost")
    if on:
        worker.wait_line(r"INFO/MainProcess\] Temporarily reducing the prefetch count to 4 to avoid "
                         r"over-fetching since 1 tasks are currently being processed\.$")
        worker.wait_line(r"^The prefetch count will be gradually restored to 8 as the tasks complete processing\.$")
    assert producer.get(producer.send("demo.add", 1, 1))["value"] == 2
    assert producer.get(id)["value"] == 3
    if on:
        worker.wait_line(r"^Prefetch count has been restored to the maximum of 8$")
    else:
        assert not worker.count("prefetch count")


@pytest.mark.parametrize("late", [True, False])
def test_late_tasks_can_be_ended_for_it_and_run_again(start, broker, producer, redis_server, kind, late):
    worker = start(config={"task_track_started": True, "task_acks_late": late,
                           "worker_cancel_long_running_tasks_on_connection_loss": True}, concurrency=1)
    id = producer.send("demo.sleep", 2)
    redis_server.until(lambda r: status(r, id) == "STARTED")
    watcher = broker.pubsub()
    watcher.subscribe(f"celery-task-meta-{id}")
    watcher.get_message(timeout=5)
    cut(broker)
    if late:
        worker.wait_line(r"WARNING/MainProcess\] Task demo.sleep\[" + id + r"\] cannot be acknowledged after a "
                         "connection loss since late acknowledgement is enabled for it.")
        assert json.loads(watcher.get_message(timeout=20)["data"])["status"] == "RETRY"
    watcher.close()
    if kind == "petiole" or not late:  # a Python worker waits for the visibility timeout
        assert producer.get(id)["value"] == 2
        redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
        assert worker.count(r"demo.sleep\[.*received") == 1 + late


@pytest.mark.petiole_only
def test_a_retry_is_published_once_although_its_reply_is_lost(start, broker, producer, redis_server):
    """An early task is acknowledged long ago when its retry is published. The connection
    breaks at each RETRY, which is stored just before."""
    worker = start(concurrency=1)
    watcher = broker.pubsub()
    watcher.psubscribe("celery-task-meta-*")
    watcher.get_message(timeout=5)
    id = producer.send("demo.retry", 12, 0.01)
    seen = []
    while "SUCCESS" not in seen:
        message = watcher.get_message(timeout=20)
        assert message, f"nothing happened after {seen}:\n{worker.text}"
        seen.append(json.loads(message["data"])["status"])
        if seen[-1] == "RETRY":
            cut(broker)
    watcher.close()
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    for marker in broker.keys("petiole.sent.*"):  # its removal was cut off
        assert 0 < broker.ttl(marker) <= 3600
    assert worker.count(rf"demo.retry\[{id}\] received") == 13
