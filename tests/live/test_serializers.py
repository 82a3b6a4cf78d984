# SPDX-License-Identifier: Apache-2.0
"""Bodies and results in msgpack and YAML, and signed messages: what a Python worker so
configured makes of them."""

import base64
import bz2
import datetime
import decimal
import json
import lzma
import pathlib
import zlib

import msgpack
import pytest
import yaml
from backports import zstd

from actors import meta as metas
from actors import wire
from actors.client import Client
from actors.worker import PYTHON

LOADS = {"msgpack": msgpack.unpackb, "yaml": yaml.safe_load}
TYPES = {"msgpack": "application/x-msgpack", "yaml": "application/x-yaml"}
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(params=LOADS)
def serializer(request):
    return request.param


def settings(serializer):
    return {"accept_content": ["json", serializer], "result_serializer": serializer}


def producer_settings(serializer):
    return {**settings(serializer), "task_serializer": serializer}


@pytest.fixture
def sides(pair, clients, serializer):
    both = pair(settings(serializer))
    both.ours.client = both.theirs.client = clients["new"]
    for side in (both.ours, both.theirs):
        side.conf = producer_settings(serializer)
    return both.ours, both.theirs


def outcome(side, serializer, name, *args, **options):
    """What AsyncResult says, and the meta as the worker stored it."""
    side.connect(side.client)
    id = side.client.send(name, *args, _options=options or None)
    got = side.client.get(id)
    meta = LOADS[serializer](side.broker.get(f"celery-task-meta-{id}"))
    text = json.dumps([got, metas.comparable(meta)], default=repr, sort_keys=True)
    return json.loads(text.replace(id, "<id>"))


@pytest.mark.parametrize("name, args, options", [
    ("demo.add", (2, 3), {}),
    ("demo.echo", ([None, True, -1, 2**63, 1.5, 1e16, "håå", "yes", "1e3", "", {"b": [], "a": {}}],), {}),
    ("demo.echo", ([{"x": "line\nline\n"}, "2030-01-02", " padded ", "#", "- a"],), {}),
    ("demo.fail", ("ValueError", "no good"), {}),
    ("demo.retry", (1, 0.2), {}),
    ("demo.add", (2, 3), {"expires": LONG_AGO}),
    ("demo.add", (2, 3), {"compression": "zlib"}),
    ("demo.add", (2,), {}),
], ids=["add", "values", "texts", "fail", "retry", "expired", "compressed", "TypeError"])
def test_the_outcome_is_the_one_of_a_python_worker(sides, serializer, name, args, options):
    ours, theirs = (outcome(side, serializer, name, *args, **options) for side in sides)
    found = metas.differences(ours, theirs)
    assert not found, "\n".join(found)


def test_bytes_pass_in_msgpack_and_dates_in_yaml(sides, serializer):
    value = b"\xff\x00" if serializer == "msgpack" else datetime.datetime(2030, 1, 2, 3, 4, 5, 600)
    for side in sides:
        side.connect(side.client)
        assert side.client.get(side.client.send("demo.echo", value))["value"] == value


def test_what_the_serializer_cannot_write_fails_its_task(sides):
    for side in sides:
        side.connect(side.client)
        id = side.client.send("demo.echo", decimal.Decimal("1.5"), _options={"serializer": "json"})
        got = side.client.get(id)
        assert (got["state"], got["raised"]) == ("FAILURE", "EncodeError")


@pytest.mark.parametrize("compression", ["zlib", "bzip2", "lzma", "zstd"])
@pytest.mark.parametrize("name, args", [("demo.add", (2, 3)), ("demo.fail", ("ValueError", "no")),
                                        ("demo.retry", (1, 0.2))])
def test_compressed_results_are_read_by_python(start, broker, producer, compression, name, args):
    start(config={"result_compression": compression})
    id = producer.send(name, *args)
    got = producer.get(id)
    assert got.get("value") in (5, 1) or got["raised"] == "ValueError"
    assert broker.get(f"celery-task-meta-{id}").startswith(b"\0celery-compressed\0application/")


@pytest.mark.petiole_only
def test_a_final_state_that_is_compressed_is_final(start, broker, producer, redis_server):
    worker = start(config={"result_compression": "zlib", "task_acks_late": True})
    id = producer.send("demo.add", 2, 3)
    assert producer.get(id)["value"] == 5
    again = wire.envelope("demo.fail", ("ValueError", "no"), id=id)
    again["properties"]["delivery_info"]["redelivered"] = True
    wire.push(broker, again)
    worker.wait_line(f"{id}.*was finished before")
    assert producer.get(id)["value"] == 5


@pytest.mark.petiole_only
def test_a_lost_child_is_stored_alike(sides, serializer):
    ours, _ = sides
    ours.worker.tolerate("WorkerLostError|exited with")
    got, meta = outcome(ours, serializer, "demo.crash", "exit")
    assert got["raised"] == "WorkerLostError" and meta["status"] == "FAILURE"


def test_a_stored_success_stays(sides, serializer):
    for side in sides:
        side.connect(side.client)
        id = side.client.send("demo.add", 2, 3)
        assert side.client.get(id)["value"] == 5
        stored = side.broker.get(f"celery-task-meta-{id}")
        wire.push(side.broker, wire.envelope("demo.fail", ("ValueError", "no"), id=id))
        assert side.client.get(side.client.send("demo.echo", 1))["value"] == 1
        side.worker.wait_line(f"{id}.*raised")
        assert side.broker.get(f"celery-task-meta-{id}") == stored


@pytest.mark.petiole_only
def test_a_broken_body_is_kept_with_the_reason(start, broker, redis_server, serializer):
    raw = wire.push(broker, wire.envelope(body=b"\xc1[", content_type=TYPES[serializer]))
    worker = start(config=settings(serializer))
    worker.tolerate("Can't decode message body")
    [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    letter = json.loads(letter)
    assert f"the body is not {'YAML' if serializer == 'yaml' else serializer}" in letter["reason"]
    assert letter["message"].encode() == raw


@pytest.mark.petiole_only
def test_an_alias_bomb_costs_its_own_task(start, broker, producer, redis_server):
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    wire.push(broker, wire.envelope(body="- [*a9]\n".join(["\n".join(lines) + "\n", ""]),
                                    content_type=TYPES["yaml"]))
    worker = start(config={"accept_content": ["json", "yaml"]})
    worker.tolerate("Can't decode message body")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    redis_server.until(lambda r: r.llen("petiole.dead") == 1)
    assert "too many values" in json.loads(broker.lindex("petiole.dead", 0))["reason"]


def libraries(pid):
    return pathlib.Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.petiole_only
def test_nobody_carries_libyaml_before_it_is_needed(start, broker, redis_server, clients):
    producer = clients["new"]
    producer.connect(redis_server.url(), redis_server.url(), accept_content=["json", "yaml"])
    worker = start(config={"accept_content": ["json", "yaml"]}, concurrency=1)
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    [child] = worker.children()
    assert "libyaml" not in libraries(child)
    assert producer.get(producer.send("demo.add", 2, 3, _options={"serializer": "yaml"}))["value"] == 5
    assert "libyaml" in libraries(child)
    assert "libyaml" not in libraries(worker.pid)
    assert not any("libcrypto" in libraries(pid) for pid in (child, worker.pid))


UNPACK = {"application/x-gzip": zlib.decompress, "application/x-bz2": bz2.decompress,
          "application/x-lzma": lzma.decompress, "application/zstd": zstd.decompress}


def sent(side, serializer, compression):
    """What a handler's message says of its body, and the body."""
    side.connect(side.client)
    id = side.client.send("demo.send", "other.task", [1, "å", [None, 2.5]], {"k": True},
                          {"queue": "elsewhere", "serializer": serializer,
                           **({"compression": compression} if compression else {})})
    assert side.client.get(id)["state"] == "SUCCESS"
    message = json.loads(side.broker.rpop("elsewhere"))
    body = base64.b64decode(message["body"])
    if compression:
        body = UNPACK[message["headers"]["compression"]](body)
    return (message["content-type"], message["content-encoding"], message["headers"].get("compression"),
            LOADS[serializer](body))


@pytest.mark.parametrize("compression", [None, "zlib", "bzip2", "lzma", "zstd"])
def test_what_a_handler_sends_is_what_python_sends(sides, serializer, compression):
    ours, theirs = (sent(side, serializer, compression) for side in sides)
    assert ours == theirs
    assert ours[0] == TYPES[serializer]


# ---- Signed messages ---------------------------------------------------------------

SIGNED = pathlib.Path(__file__).parents[1] / "golden" / "signed"


def security(store="alice.pem", signer="alice", **more):
    return {"accept_content": ["auth"], "task_serializer": "auth", "result_serializer": "json",
            "result_accept_content": ["json"], "security_key": str(SIGNED / f"{signer}.key"),
            "security_certificate": str(SIGNED / f"{signer}.pem"),
            "security_cert_store": str(SIGNED / store), **more}


def trusting(store="alice.pem", **more):
    """The worker's half of it: petiole has no setting for what results it reads."""
    return {k: v for k, v in security(store, **more).items() if k != "result_accept_content"}


@pytest.fixture
def signer(redis_server):
    """A producer that signs, in a process of its own: setup_security() is for good."""
    client = Client(PYTHON["new"])
    client.connect(redis_server.url(), redis_server.url(), **security())
    yield client
    client.close()


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_a_signed_message_runs(start, redis_server, digest, kind):
    client = Client(PYTHON["new"])
    client.connect(redis_server.url(), redis_server.url(), **security(security_digest=digest))
    start(config=(trusting if kind == "petiole" else security)(security_digest=digest))
    assert client.get(client.send("demo.add", 2, 3))["value"] == 5
    assert client.get(client.send("demo.retry", 1, 0.2))["value"] == 1
    client.close()


@pytest.mark.petiole_only
def test_a_handler_signs_what_it_sends(start, broker, signer):
    start(config=trusting())
    id = signer.send("demo.send", "demo.add", [2, 3], {}, {"serializer": "auth"})
    child = signer.get(id)["value"]
    assert signer.get(child)["value"] == 5


@pytest.mark.petiole_only
def test_a_message_of_a_stranger_is_kept_with_the_reason(start, broker, redis_server, signer):
    signer.send("demo.add", 2, 3)
    [raw] = broker.lrange("celery", 0, -1)
    worker = start(config=trusting("mallory.pem"))
    worker.tolerate("Can't decode message body")
    [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
    letter = json.loads(letter)
    assert "Unknown certificate: 'DE" in letter["reason"] and "alice 12345678901234567890" in letter["reason"]
    assert letter["message"].encode() == raw


@pytest.mark.petiole_only
def test_a_message_that_is_not_signed_is_refused(start, broker, redis_server):
    wire.push(broker, wire.envelope())
    wire.push(broker, wire.envelope(content_type="application/data"))
    worker = start(config=trusting())
    worker.tolerate("Can't decode message body")
    letters = redis_server.until(
        lambda r: r.llen("petiole.dead") == 2 and r.lrange("petiole.dead", 0, -1), what="two dead letters")
    reasons = sorted(json.loads(letter)["reason"] for letter in letters)
    assert "Refusing to deserialize untrusted content of type json (application/json)" in reasons[0]
    assert "it is not signed" in reasons[1]


@pytest.mark.petiole_only
@pytest.mark.parametrize("config, line", [
    (trusting("expired.pem"), r"cannot use security_cert_store .*expired.pem: Expired certificate"),
    (trusting("curve.pem"), "Non-RSA certificates are not supported"),
    (trusting("nobody*.pem"), "cannot use security_cert_store .*there is no certificate"),
    (trusting(security_digest="rot13"), "cannot use security_digest: there is no such digest: 'rot13'"),
    (trusting(security_key=str(SIGNED / "alice.pem")), "cannot use security_key .*Invalid private key"),
    ({"result_compression": "rot13"}, "result_compression is none of those"),
    ({"accept_content": ["jsn"]}, "accept_content has 'jsn', which is no serializer"),
    ({"accept_content": ["auth"]}, "accept_content has auth, but security_cert_store is not set"),
], ids=["expired", "not RSA", "nobody", "digest", "key", "no compression", "no such name", "no store"])
def test_what_cannot_be_trusted_is_said_at_the_start(start, config, line):
    worker = start(config=config, ready=False)
    worker.tolerate("CRITICAL")
    worker.wait_line(line)
    assert worker.wait_exit(10) == 1
