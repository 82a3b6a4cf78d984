# SPDX-License-Identifier: Apache-2.0
"""Messages that are wrong, each in its own way: one clear line, the right state, the
worker goes on and nothing is lost. A Python worker dies of several of them."""

import datetime
import json
import pickle
import uuid

import pytest

from actors import wire

pytestmark = pytest.mark.petiole_only


def body_of(text):
    return wire.envelope(body=text)


def with_envelope(change):
    message = wire.envelope()
    change(message)
    return message


def deep(n):
    return "[[" + "[" * n + "]" * n + '], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


EMBED = '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}'

# name: (what is pushed, the log's line, what the dead letter's reason speaks of)
UNREADABLE = {
    "not JSON": ("this is no JSON", None, "JSON"),
    "an empty item": (b"", None, "JSON"),
    "bytes beyond UTF-8": (b"\xff\xfe\x00", None, "JSON"),
    "a JSON list": ("[1, 2, 3]", None, "JSON"),
    "braces around rubbish": ("{this is not JSON}", "invalid task message", None),
    "a truncated envelope": (json.dumps(wire.envelope())[:300], None, None),
    "a truncated envelope that ends in a brace": (
        json.dumps(wire.envelope())[:300] + "}", "invalid task message", None),
    "an empty object": ("{}", "unknown message|invalid task message", None),
    "headers that are a list": (
        with_envelope(lambda m: m.update(headers=[])), "unknown message|invalid task message", None),
    "no body": (with_envelope(lambda m: m.pop("body")), "invalid task message|decode", None),
    "a body that is not base64": (
        with_envelope(lambda m: m.update(body="!!! not base64 !!!")), "decode|invalid task message", None),
    "an unknown body encoding": (
        with_envelope(lambda m: m["properties"].update(body_encoding="rot13")),
        "decode|invalid task message", None),
    "no id": (wire.envelope(drop=["id"]), "invalid task message", "id"),
    "no task": (wire.envelope(drop=["task"]), "unknown message|invalid task message", None),
    "an id that is a number": (wire.envelope(headers={"id": 5}), "invalid task message", "id"),
    "an eta that is none": (wire.envelope(headers={"eta": "soon"}), "invalid task message", "eta"),
    "an expires that is none": (wire.envelope(headers={"expires": "never"}), "invalid task message", "expires"),
    "retries that are text": (wire.envelope(headers={"retries": "2"}), "invalid task message", "retries"),
    "a timelimit of three items": (
        wire.envelope(headers={"timelimit": [1, 2, 3]}), "invalid task message", "timelimit"),
    "a negative time limit": (
        wire.envelope(headers={"timelimit": [-1, None]}), "invalid task message", "timelimit"),
    "a datetime that is none": (
        body_of('[[{"__type__": "datetime", "__value__": "soon"}], {}, {}]'),
        "Can't decode message body", "isoformat"),
    "a type that kombu does not know": (
        body_of('[[{"__type__": "complex", "__value__": "1j"}], {}, {}]'),
        "Can't decode message body", "Unsupported type"),
    "a body that is not JSON": (body_of("no JSON at all"), "Can't decode message body", None),
    "an envelope nested 100,000 deep": (
        '{"headers": ' + "[" * 100_000 + "]" * 100_000 + "}", "invalid task message", "deep|nest|JSON"),
    "a body nested 100,000 deep": (body_of(deep(100_000)), "Can't decode message body", "deep|nest"),
    "pickle": (
        wire.envelope(body=pickle.dumps([[1, 2], {}, {}]), content_type="application/x-python-serialize",
                      content_encoding="binary"),
        r"Refusing to deserialize .*pickle \(application/x-python-serialize\)", "pickle"),
    "yaml": (
        wire.envelope(body="- [1, 2]\n- {}\n- {}\n", content_type="application/x-yaml"),
        r"Refusing to deserialize .*yaml \(application/x-yaml\)", "yaml"),
    "an unheard-of content type": (
        wire.envelope(content_type="application/x-nonsense"), "application/x-nonsense", "nonsense"),
    "an unknown compression": (
        wire.envelope(headers={"compression": "application/x-nonsense"}), "decode|compression", "nonsense"),
    "a compressed body that is not": (
        wire.envelope(headers={"compression": "application/x-gzip"}), "Can't decode message body", None),
    "a body cut short": (body_of('[[1, 2], {}, {"callb'), "Can't decode message body", None),
    "invalid UTF-8 in the body": (body_of(b'[["\xff\xfe", 1], {}, {}]'), "Can't decode message body", None),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_kept_with_the_reason(start, broker, producer, redis_server, name):
    message, line, reason = UNREADABLE[name]
    raw = wire.push(broker, message)
    worker = start()
    worker.tolerate("Can't decode message body")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    letter = json.loads(letter)
    assert letter["message"].encode("latin-1" if not raw.isascii() else "ascii") == raw
    assert letter["queue"] == "celery" and letter["reason"]
    if reason:
        assert any(word.lower() in letter["reason"].lower() for word in reason.split("|")), letter["reason"]
    if line:
        worker.wait_line(line, 5)
    assert worker.stop() == 0
    assert not broker.exists("celery", "unacked", "unacked_index")
    told = [text for text in worker.lines
            if "ERROR" in text or "WARNING" in text or "CRITICAL" in text]
    assert len(told) == 1, told
    assert len(told[0]) < 1000


def without(*names):
    """Of the properties; a Python worker dies of the first three."""
    return with_envelope(lambda m: [m["properties"].pop(name) for name in names])


def plain_body():
    message = wire.envelope()
    message["body"] = f"[[1, 2], {{}}, {EMBED}]"
    del message["properties"]
    return message


def ago(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)).isoformat()


# Odd, and yet it is clear what is meant.
ODD = {
    "an eta in 1970": lambda: wire.envelope(headers={"eta": "1970-01-01T00:00:00+00:00"}),
    "an eta that is a date": lambda: wire.envelope(headers={"eta": "2020-01-01"}),
    "a negative countdown": lambda: wire.envelope(headers={"eta": ago(3600)}),
    "an empty eta": lambda: wire.envelope(headers={"eta": ""}),
    "an expires in the year 9999": lambda: wire.envelope(headers={"expires": "9999-12-31T23:59:59"}),
    "no delivery_info": lambda: without("delivery_info"),
    "no delivery_tag": lambda: without("delivery_tag"),
    "no properties": plain_body,
    "a priority of 255": lambda: wire.envelope(priority=255),
    "a priority that is text": lambda: wire.envelope(priority="high"),
    "a time limit of nothing": lambda: wire.envelope(headers={"timelimit": [0, 0]}),
    "an embed that is null": lambda: body_of("[[1, 2], {}, null]"),
    "an unknown encoding of JSON": lambda: wire.envelope(content_encoding="latin-1"),
    "no encoding": lambda: wire.envelope(content_encoding=None),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_only_odd_runs(start, broker, producer, redis_server, name):
    message = ODD[name]()
    wire.push(broker, message)
    worker = start()
    assert producer.get(message["headers"]["id"])["value"] == 3
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0


def test_what_expires_before_its_eta_never_runs(start, broker, producer):
    message = wire.envelope(headers={"eta": ago(-1.5), "expires": ago(-0.5)})
    wire.push(broker, message)
    start()
    assert producer.get(message["headers"]["id"])["state"] == "REVOKED"


def test_an_eta_in_the_year_9999_is_held_and_put_back(start, broker, producer, redis_server):
    raw = wire.push(broker, wire.envelope(headers={"eta": "9999-12-31T23:59:59.999999+00:00"}))
    worker = start()
    redis_server.until(lambda r: r.hlen("unacked") == 1, what="the message held")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.stop() == 0
    [back] = broker.lrange("celery", 0, -1)
    assert wire.decoded(back)[1] == wire.decoded(raw)[1]
    assert not broker.exists("unacked", "unacked_index")


# name: (body, exception's type): the task is known, so its caller is told.
ILL_FORMED = {
    "a body that is a map": ('{"args": []}', None),
    "a body of two items": ("[[1, 2], {}]", None),
    "args that are a map": (f"[{{}}, {{}}, {EMBED}]", None),
    "kwargs that are a list": (f"[[1, 2], [], {EMBED}]", None),
    "an embed that is a string": ('[[1, 2], {}, "x"]', None),
}


@pytest.mark.parametrize("name", ILL_FORMED)
def test_a_body_of_the_wrong_shape_fails_its_task(start, broker, producer, redis_server, name):
    body, _ = ILL_FORMED[name]
    message = body_of(body)
    id = message["headers"]["id"]
    wire.push(broker, message)
    worker = start()
    got = producer.get(id)
    assert got["state"] == "FAILURE"
    assert got["raised"] in ("InvalidTaskError", "TypeError", "ValueError")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0


@pytest.mark.parametrize("value", ['"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', str(2**64), str(-(10**30))])
def test_odd_but_legal_values_come_back_unchanged(start, broker, producer, value):
    message = wire.envelope("demo.echo", body=f"[[{value}], {{}}, {EMBED}]")
    wire.push(broker, message)
    start()
    id = message["headers"]["id"]
    assert producer.get(id)["value"] == json.loads(value)
    assert json.dumps(json.loads(broker.get(f"celery-task-meta-{id}"))["result"]) == json.dumps(json.loads(value))


def test_an_integer_beyond_64_bits_is_no_argument_for_c(start, broker, producer):
    start()
    got = producer.get(producer.send("demo.add", 2**70, 1))
    assert got["raised"] == "OverflowError"


def test_a_sum_beyond_64_bits_is_an_overflow(start, producer):
    start()
    assert producer.get(producer.send("demo.add", 2**63 - 1, 1))["raised"] == "OverflowError"


def test_duplicate_ids_each_run_and_the_first_success_stays(start, broker, producer, redis_server):
    id = str(uuid.uuid4())
    for n in range(3):
        wire.push(broker, wire.envelope("demo.echo", (n,), id=id))
    worker = start(concurrency=1)
    assert producer.get(id)["value"] == 0
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))
    assert worker.stop() == 0
    assert worker.count(f"demo.echo\\[{id}\\] succeeded") == 3
    assert json.loads(broker.get(f"celery-task-meta-{id}"))["result"] == 0


def test_duplicate_delivery_tags_do_not_confuse_the_book(start, broker, producer, redis_server):
    messages = [wire.envelope("demo.echo", (n,), properties={"delivery_tag": "same"}) for n in range(3)]
    for message in messages:
        wire.push(broker, message)
    start()
    assert [producer.get(m["headers"]["id"])["value"] for m in messages] == [0, 1, 2]
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))


def test_a_message_larger_than_allowed_is_set_aside(start, broker, producer, redis_server):
    big = wire.envelope("demo.echo", ("x" * 200_000,))
    wire.push(broker, big)
    worker = start(config={"message_max_bytes": 100_000})
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: r.llen("petiole.dead") == 1)
    assert "large" in json.loads(broker.lindex("petiole.dead", 0))["reason"]
    assert worker.stop() == 0


def test_a_small_message_that_unpacks_to_too_much_is_refused(start, broker, producer, redis_server):
    import zlib
    body = zlib.compress(b'[["' + b"x" * 50_000_000 + b'"], {}, null]')
    message = wire.envelope("demo.echo", body=body, headers={"compression": "application/x-gzip"})
    wire.push(broker, message)
    worker = start(config={"message_max_bytes": 1_000_000})
    worker.tolerate("Can't decode message body")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: r.llen("petiole.dead") == 1)
    assert worker.stop() == 0


def test_a_result_larger_than_redis_takes_fails_its_task(stage, kind, clients):
    """proto-max-bulk-len stands in for Redis' own 512 MB."""
    server = stage.redis(proto_max_bulk_len="1mb")
    worker = stage.worker(kind, server, backend=server.url(1))
    producer = clients["new"]
    producer.connect(server.url(), server.url(1))
    # 400,000 bytes of argument that JSON writes six times as long in the result
    id = producer.send("demo.echo", "\x01" * 400_000, _options={"compression": "zlib"})
    got = producer.get(id)
    assert got["state"] == "FAILURE" and got["raised"] == "BackendStoreError"
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    assert worker.running()


def test_unacked_of_the_wrong_type_loses_nothing(start, broker, producer, redis_server):
    """Lua does not roll back: what cannot be booked must still be in the queue."""
    broker.set("unacked", "a string")
    ids = [producer.send("demo.echo", n) for n in range(10)]
    before = broker.lrange("celery", 0, -1)
    worker = start(ready=False)
    worker.tolerate("CRITICAL")
    worker.wait_line("WRONGTYPE|wrong kind|unacked")
    assert broker.lrange("celery", 0, -1) == before
    broker.delete("unacked")
    if not worker.running():
        start(hostname="again@h1")
    assert [producer.get(id)["value"] for id in ids] == list(range(10))


def test_a_queue_of_the_wrong_type_is_one_clear_line(start, broker):
    broker.set("celery", "a string")
    worker = start(ready=False)
    worker.tolerate("CRITICAL")
    worker.wait_line("WRONGTYPE|wrong kind")
    broker.delete("celery")
    assert worker.count("WRONGTYPE|wrong kind") <= 3


def test_bookkeeping_of_the_wrong_type_is_told_of_once_and_heals(start, broker, redis_server, producer):
    """What a dead worker held is tried again at its pace, and restored once it can be."""
    def calls(command):
        return broker.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]

    lost = start(hostname="lost@h")
    id = producer.send("demo.late_sleep", 2.0)
    redis_server.until(lambda r: r.hlen("unacked") == 1, what="it is held")
    lost.kill_hard()
    broker.rename("unacked", "aside")
    broker.set("unacked", "of another type")
    worker = start(hostname="finder@h")
    worker.wait_line("ERROR.*cannot restore messages: WRONGTYPE")
    beats, tries = calls("hkeys"), calls("hmget")
    redis_server.until(lambda r: calls("hkeys") >= beats + 7, what="seven beats of the worker's")
    assert 1 <= calls("hmget") - tries <= 3  # a node is given up for lost after four of them
    broker.delete("unacked")
    broker.rename("aside", "unacked")
    assert producer.get(id)["value"] == 2.0
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index", "celery"))
    assert worker.count("cannot restore") == 1
