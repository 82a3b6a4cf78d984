# SPDX-License-Identifier: Apache-2.0
"""The remote control's way through Redis: under the transport's options, over lost
connections, with nothing left behind, and whatever somebody publishes there."""

import json
import pathlib
import re
import signal
import time
import uuid

import pytest

pytestmark = pytest.mark.petiole_only

PONG = [{"w1@h1": {"ok": "pong"}}]
RECORDED = json.loads(pathlib.Path(__file__).parent.with_name("golden").joinpath("pidbox/ping.json").read_text())
REQUEST = RECORDED["request_envelope"]  # of a client that is gone
CHANNEL = "/0.celery.pidbox"
LIVING = [b"_kombu.binding.celery.pidbox", b"_kombu.binding.celeryev"]


@pytest.fixture
def control(clients, redis_server):
    """control(**settings): a client of the newest Celery."""

    def get(**settings):
        clients["new"].connect(redis_server.url(), redis_server.url(), **settings)
        return clients["new"]

    return get


def ping(client, timeout=10):
    return client.broadcast("ping", timeout=timeout, limit=1)


def ping_until_answered(client, seconds=20):
    """A worker that has just lost its connections hears nothing for a moment."""
    deadline = time.monotonic() + seconds
    while not (replies := ping(client, timeout=1)):
        assert time.monotonic() < deadline, f"no answer within {seconds} s"
    return replies


# ---- the transport's options -----------------------------------------------------------


@pytest.mark.parametrize("options, channel", [
    ({"global_keyprefix": "pre_"}, b"pre_/0.celery.pidbox"),
    ({"fanout_prefix": False}, b"celery.pidbox"),
    ({"fanout_prefix": "/all.{db}."}, b"/all.0.celery.pidbox"),
    ({"fanout_patterns": False}, b"/0.celery.pidbox"),
    ({"sep": ":", "global_keyprefix": "pre_"}, b"pre_/0.celery.pidbox"),
], ids=str)
def test_a_worker_is_heard_under_the_same_options(control, start, broker, options, channel):
    start(config={"broker_transport_options": options})
    client = control(broker_transport_options=options)
    assert ping(client) == PONG
    assert broker.publish(channel, b"") == 1
    assert ping(client) == PONG


# ---- lost connections ------------------------------------------------------------------


def test_a_subscription_that_was_killed_is_made_anew(control, worker, broker):
    client = control()
    assert ping(client) == PONG
    assert broker.execute_command("CLIENT", "KILL", "TYPE", "pubsub") >= 1
    assert ping_until_answered(client) == PONG


def test_a_redis_that_was_restarted_empty_has_the_binding_again(control, worker, redis_server):
    redis_server.stop()
    redis_server.start()
    redis_server.until(lambda r: r.exists(LIVING[0]))
    assert ping_until_answered(control()) == PONG


# ---- nothing is left behind ------------------------------------------------------------


def test_a_reply_that_nobody_is_bound_for_leaves_no_key(control, worker, broker):
    reply_to = {"exchange": "reply.celery.pidbox", "routing_key": str(uuid.UUID(int=9))}
    client = control()
    client.publish_control({"method": "ping", "reply_to": reply_to, "ticket": "x"}, times=5)
    assert ping(client) == PONG
    assert not [key for key in broker.keys("*reply*") if reply_to["routing_key"].encode() in key]


def test_a_worker_that_stopped_leaves_no_binding_and_no_list(control, worker, broker):
    assert ping(control()) == PONG
    assert all(broker.exists(key) for key in LIVING)
    assert worker.stop(signal.SIGTERM) == 0
    assert not [key for key in LIVING if broker.exists(key)]
    assert not [key for key in broker.keys("*.celery.pidbox*") if broker.type(key) == b"list"]
    assert not broker.keys("_kombu.binding_permanent.celery*pidbox")


# ---- whatever is published -------------------------------------------------------------


def test_ten_thousand_requests_at_once_leave_the_worker_consuming(control, worker, broker):
    client = control()
    request = json.dumps(REQUEST)
    flood = broker.pipeline(transaction=False)
    for _ in range(10000):
        flood.publish(CHANNEL, request)
    assert sum(flood.execute()) >= 1
    ids = client.send_many("demo.add", [[n, n] for n in range(20)])
    assert [client.get(id)["value"] for id in ids] == [2 * n for n in range(20)]
    assert ping_until_answered(client) == PONG
    assert not broker.exists(RECORDED["reply_key"])


def spoilt(**changes):
    envelope = {**REQUEST, **changes}
    return json.dumps({k: v for k, v in envelope.items() if v is not None}).encode()


MALFORMED = {
    "empty": b"",
    "torn": b'{"body": "eyJt',
    "no text": b"\xff\xfe\x00",
    "a list": b"[{}]",
    "too many brackets": b'{"body": ' + b"[" * 100000,
    "no body": spoilt(body=None),
    "a body that is a map": spoilt(body={"method": "ping"}),
    "a body that is not base64": spoilt(body="eyJt*@=="),
    "a body that is no JSON": spoilt(body="bm8ganNvbg=="),
    "a body that is a number": spoilt(body="NDI="),
    "a pickle": spoilt(**{"content-type": "application/x-python-serialize"}),
    "properties that are a list": spoilt(properties=[1]),
    "headers that are a text": spoilt(headers="x"),
    "five megabytes": spoilt(body="A" * (5 << 20)),
}


def test_malformed_messages_leave_it_answering(control, worker, broker):
    client = control()
    for text in MALFORMED.values():
        assert broker.publish(CHANNEL, text) == 1
    assert ping(client) == PONG
    complaints = [line for line in worker.lines if re.search(r"ERROR/MainProcess\].*is left", line)]
    assert len(complaints) == 1  # the others are counted


def status(server, id):
    with server.client() as connection:
        return json.loads(connection.get(f"celery-task-meta-{id}"))["status"]


# ---- what workers ask of each other ----------------------------------------------------


def test_what_a_failed_chord_revokes_is_revoked_by_every_worker(clients, redis_server, start):
    """The body's tasks, which never come: 5.7 revokes them everywhere."""
    workers = [start(), start(hostname="w2@h1", queues="other")]
    client = clients["new"]
    client.connect(redis_server.url(), redis_server.url())
    client.canvas("chord([s('demo.add', 1, 1), s('demo.fail', 'ValueError', 'boom')], "
                  "group(s('demo.echo').set(task_id='first'), s('demo.echo').set(task_id='second')))")
    for worker in workers:
        for id in ("first", "second"):
            worker.wait_line(f"Tasks flagged as revoked: {id}$")
    assert {status(redis_server, id) for id in ("first", "second")} == {"FAILURE"}
