# SPDX-License-Identifier: Apache-2.0
"""What workers that died left of a chord in Redis, in each state there is: the body runs
once, and no part runs again."""

import base64
import json
import time

import pytest

from actors.workflow import Workflows

pytestmark = [pytest.mark.petiole_only, pytest.mark.timeout(60)]


class LeftChord:
    """A chord of two parts, both run and counted; the message of the second was not
    acknowledged, and is delivered again."""

    def __init__(self, client, producer, ledger):
        self.client, self.work = client, Workflows(producer, ledger)
        self.body = self.work.chord("c", 2)
        messages = [json.loads(raw) for raw in reversed(client.lrange("celery", 0, -1))]
        self.parts = [message["headers"]["id"] for message in messages]
        self.key = f"celery-taskset-meta-{messages[0]['headers']['group']}"
        self.message = messages[1]
        client.delete("celery")
        for index, id in enumerate(self.parts):
            name = f"c.{index}"
            client.set(f"celery-task-meta-{id}", json.dumps(
                {"status": "SUCCESS", "result": name, "traceback": None, "children": [], "task_id": id}))
            client.zadd(self.key + ".j", {json.dumps([1, id, "SUCCESS", name]): index})
            client.sadd(self.key + ".d", f"{id}:{index}")

    def claim(self, token, milliseconds=None):
        self.client.set(self.key + ".c", token, px=milliseconds)

    def forget(self):
        """As after the end of the chord."""
        self.client.delete(*(self.key + suffix for suffix in (".j", ".s", ".t", ".d")))

    def deliver(self, redelivered=True):
        self.message["headers"]["redelivered"] = redelivered
        self.message["properties"]["delivery_info"]["redelivered"] = redelivered
        self.client.lpush("celery", json.dumps(self.message))

    def publish_body(self):
        """As the worker that holds the claim does."""
        _, _, embed = json.loads(base64.b64decode(self.message["body"]))
        body = embed["chord"]
        arguments = [[["c.0", "c.1"], *body["args"]], body["kwargs"], dict.fromkeys(embed)]
        headers = {**self.message["headers"], "task": body["task"], "id": body["options"]["task_id"],
                   "group": None, "group_index": None}
        self.client.lpush("celery", json.dumps({
            **self.message, "headers": headers,
            "body": base64.b64encode(json.dumps(arguments).encode()).decode()}))


@pytest.fixture
def left(broker, producer, ledger):
    return LeftChord(broker, producer, ledger)


def settled(redis_server):
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"), 20, what="an empty book")


def fired(redis_server, left, ledger, seconds=20):
    key = f"celery-task-meta-{left.work.ids[left.body]}"
    redis_server.until(lambda r: r.exists(key), seconds, what="the body's result")
    settled(redis_server)
    assert not left.work.wrong_results(left.client, left.work.ids)
    assert dict(ledger.starts()) == {left.body: 1}
    assert left.client.get(left.key + ".c") == b"done"
    assert not left.client.exists(left.key + ".j", left.key + ".s", left.key + ".d")


def test_a_chord_that_nobody_claimed_is_joined_at_once(start, redis_server, ledger, plugins, late, left):
    left.deliver()
    start(plugins=plugins, config=late)
    fired(redis_server, left, ledger)


def test_what_a_dead_python_worker_claimed_is_joined_when_its_claim_has_lapsed(
        start, redis_server, ledger, plugins, late, left):
    left.claim("8d2b7a56c1d94b4a9b0f6a0e4f3c2d1e", 3000)
    left.deliver()
    start(plugins=plugins, config=late)
    begun = time.monotonic()
    fired(redis_server, left, ledger)
    assert time.monotonic() - begun > 2.5


def test_what_a_python_worker_claimed_and_then_ended_is_left_to_it(
        start, redis_server, ledger, plugins, late, left):
    left.claim("8d2b7a56c1d94b4a9b0f6a0e4f3c2d1e", 4000)
    left.deliver()
    worker = start(plugins=plugins, config=late)
    redis_server.until(lambda r: r.hlen("unacked") == 1, what="the part held")
    left.publish_body()
    left.claim("done")
    left.forget()
    fired(redis_server, left, ledger)
    assert worker.stop() == 0
    assert dict(ledger.starts()) == {left.body: 1}


@pytest.mark.parametrize("token", ["petiole:", "petiole-sending:"])
def test_what_a_dead_petiole_claimed_is_joined_at_once_by_the_same_part(
        start, redis_server, ledger, plugins, late, left, token):
    left.claim(token + left.parts[1], 60_000)
    left.deliver()
    start(plugins=plugins, config=late)
    fired(redis_server, left, ledger)


def test_what_a_dead_petiole_was_sending_is_not_sent_for_another_part(
        start, redis_server, ledger, plugins, late, left):
    """Its body may be in the queue already: it goes with the message of that part alone."""
    left.claim("petiole-sending:" + left.parts[0], 60_000)
    left.deliver()
    start(plugins=plugins, config=late)
    settled(redis_server)
    assert not ledger.starts()


@pytest.mark.parametrize("redelivered", [True, False], ids=["delivered again", "published again"])
def test_a_part_whose_chord_is_done_begins_nothing(start, redis_server, ledger, plugins, late, left, redelivered):
    left.claim("done", 60_000)
    left.forget()
    left.deliver(redelivered)
    start(plugins=plugins, config=late)
    if not redelivered:
        redis_server.until(lambda r: ledger.ends()["c.1"], what="a second run")
    settled(redis_server)
    assert dict(ledger.starts()) == ({} if redelivered else {"c.1": 1})
    assert left.client.get(left.key + ".c") == b"done"
    assert not left.client.exists(left.key + ".j", left.key + ".s")


def test_a_part_with_another_result_counts_once(start, redis_server, ledger, plugins, late, left):
    """It ran twice, and said something else the second time: the first is what counts."""
    left.client.set(f"celery-task-meta-{left.parts[1]}", json.dumps(
        {"status": "SUCCESS", "result": "other", "traceback": None, "children": [], "task_id": left.parts[1]}))
    left.work.results.pop("c.1")
    left.deliver()
    start(plugins=plugins, config=late)
    fired(redis_server, left, ledger)


def test_a_size_that_is_gone_leaves_the_parts_to_lapse(start, redis_server, ledger, plugins, late, left):
    left.client.delete(left.key + ".s")
    left.deliver()
    start(plugins=plugins, config=late)
    settled(redis_server)
    assert not ledger.starts()
    assert left.client.zcard(left.key + ".j") == 2
    assert 0 < left.client.ttl(left.key + ".j") <= 86400
