# SPDX-License-Identifier: Apache-2.0
"""`celery inspect …` of Celery 5.3.4 and the newest, asked of petiole and of a Python
worker that hold the same tasks: they print the same."""

import base64
import json
import re
import signal
import time
import uuid

import pytest

from actors.inspecting import run_all
from actors.stage import Stage
from actors.worker import PYTHON

ACTIVE = [str(uuid.UUID(int=n)) for n in (1, 2)]
RESERVED, SCHEDULED, REVOKED = (str(uuid.UUID(int=n)) for n in (3, 4, 5))
ETA = "2037-01-19T03:14:07.123456+00:00"
CONFIG = {"task_annotations": {"demo.echo": {"rate_limit": "120/m"}}}


def fill(server, client):
    """Two tasks run, one waits for a child, one for its time."""
    client.connect(server.url(), server.url())
    for id in ACTIVE:
        client.send("demo.sleep", 60, _options={"task_id": id})
    server.until(lambda r: not r.llen("celery"))
    client.send("demo.sleep", 61, _options={"task_id": RESERVED})
    client.send("demo.add", 1, y=2, _options={"task_id": SCHEDULED, "eta": ETA})
    server.until(lambda r: r.hlen("unacked") >= 2)


class Party:
    """One worker with its Redis, full of tasks, and whoever asks it."""

    def __init__(self, stage, kind, client):
        self.server = stage.redis()
        self.worker = stage.worker(kind, self.server, config=CONFIG)
        self.client = client
        fill(self.server, client)

    def ask(self, version, *command_lines):
        return run_all(PYTHON[version], self.server.url(), command_lines)

    def control(self, method, **request):
        """The workers' replies, as the newest Celery's `broadcast` returns them."""
        self.client.connect(self.server.url(), self.server.url())
        return self.client.broadcast(method, **request)


@pytest.fixture(scope="module")
def parties(kind, clients):
    stage = Stage()
    yield [Party(stage, kind, clients["new"]), Party(stage, "new", clients["new"])]
    stage.close()


@pytest.fixture
def ours(parties):
    return parties[0]


HERE = ["-d", "w1@h1", "-t", "10"]

SAME = {
    "ping": ["ping"],
    "active": ["active"],
    "reserved": ["reserved"],
    "scheduled": ["scheduled"],
    "query_task": ["query_task", ACTIVE[0], RESERVED, SCHEDULED, "unknown"],
    "active_queues": ["active_queues"],
    "revoked": ["revoked"],
    "clock": ["clock"],
    "memdump": ["memdump"],
    "objgraph": ["objgraph"],
    "registered": ["registered", "serializer", "max_retries", "rate_limit", "acks_late", "name"],
}


def masked(text):
    """Without what no two workers share: process ids, times, sizes, the clock."""
    text = re.sub(r"('time_start'|\"time_start\"): [0-9.]+", r"\1: TIME", text)
    text = re.sub(r"('worker_pid'|\"worker_pid\"): \d+", r"\1: PID", text)
    text = re.sub(r"('clock'|\"clock\"): \d+", r"\1: CLOCK", text)
    return re.sub(r"rss[^\"\\\n]*", "rss", text)


BOTH_HAVE = r"demo\.(add|echo|sleep|retry|late_add)\b"


def lines(name, text):
    """In any order: both workers keep their tasks in sets. Of the registered ones those
    that the demo plugin has as well."""
    found = sorted(masked(text).splitlines())
    if name == "registered":
        found = [line for line in found if "name=" not in line or re.search(r"\* " + BOTH_HAVE, line)]
    return found


def without_order(reply):
    if isinstance(reply, dict):
        return {key: without_order(value) for key, value in reply.items()}
    if isinstance(reply, list):
        return sorted((without_order(item) for item in reply), key=repr)
    return reply


def known_to_both(name, reply):
    if name != "registered":
        return reply
    return {node: [t for t in tasks if re.match(BOTH_HAVE, t)]
            for node, tasks in reply.items()}


@pytest.fixture(scope="module")
def answers(parties):
    """Everything that both are asked, once for each client."""
    asked = {}

    def get(version):
        if version not in asked:
            command_lines = [["inspect", *HERE, *extra, *words]
                             for words in SAME.values() for extra in ([], ["-j"])]
            asked[version] = [party.ask(version, *command_lines) for party in parties]
        return asked[version]

    return get


def answers_to(answers, version, name, as_json):
    at = 2 * list(SAME).index(name) + as_json
    return [side[at] for side in answers(version)]


@pytest.mark.parametrize("name", SAME)
def test_a_client_prints_the_same_for_both(answers, version, name):
    ours, theirs = answers_to(answers, version, name, False)
    assert ours[0] == theirs[0]
    assert lines(name, ours[1]) == lines(name, theirs[1])
    assert lines(name, ours[2]) == lines(name, theirs[2])


@pytest.mark.parametrize("name", SAME)
def test_the_replies_are_the_same_in_json(answers, version, name):
    ours, theirs = (json.loads(masked_numbers(text))
                    for _, text, _ in answers_to(answers, version, name, True))
    ours, theirs = known_to_both(name, ours), known_to_both(name, theirs)
    assert without_order(ours) == without_order(theirs)


def masked_numbers(text):
    return re.sub(r"\b(TIME|PID|CLOCK)\b", r"0", masked(text))


def test_two_tasks_are_active_one_reserved_one_scheduled(answers, version):
    def reply(name):
        return json.loads(answers_to(answers, version, name, True)[0][1])["w1@h1"]
    assert {task["id"] for task in reply("active")} == set(ACTIVE)
    assert all(task["worker_pid"] and time.time() - task["time_start"] < 300 for task in reply("active"))
    assert [task["id"] for task in reply("reserved")] == [RESERVED]
    assert [entry["request"]["kwargs"] for entry in reply("scheduled")] == [{"y": 2}]
    assert "demo.echo [serializer=json max_retries=3 rate_limit=120/m acks_late=False name=demo.echo]" \
        in reply("registered")


SHAPES = {"stats": ["stats"], "conf": ["conf"], "report": ["report"], "memsample": ["memsample"]}


def shape(value):
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "number" if isinstance(value, (int, float)) else type(value).__name__


@pytest.fixture(scope="module")
def figures(parties):
    asked = {}

    def get(version):
        if version not in asked:
            asked[version] = [
                {name: json.loads(out)["w1@h1"] for name, (_, out, _) in zip(
                    SHAPES, party.ask(version, *[["inspect", *HERE, "-j", *w] for w in SHAPES.values()]))}
                for party in parties]
        return asked[version]

    return get


def test_stats_have_every_field_of_a_python_workers(figures, version):
    ours, theirs = (side["stats"] for side in figures(version))
    extra = ours.pop("memory")
    assert extra["peak_rss_kb"] >= extra["rss_kb"] > 1000
    assert shape({**ours, "total": None}) == shape({**theirs, "total": None})
    assert ours["total"] == theirs["total"] == {"demo.sleep": 2}
    assert ours["broker"] == {**theirs["broker"], "port": ours["broker"]["port"]}
    for name in ("max-concurrency", "max-tasks-per-child", "timeouts", "put-guarded-by-semaphore"):
        assert ours["pool"][name] == theirs["pool"][name]
    assert ours["pool"]["writes"]["total"] >= 2
    assert ours["prefetch_count"] == theirs["prefetch_count"]
    assert len(set(ours["pool"]["processes"])) == 2


def test_stats_name_the_processes_that_run_the_tasks(figures, answers, version):
    stats = figures(version)[0]["stats"]
    active = json.loads(answers_to(answers, version, "active", True)[0][1])["w1@h1"]
    assert {task["worker_pid"] for task in active} == set(stats["pool"]["processes"])


def test_conf_has_the_settings_that_were_made(figures, version):
    ours, theirs = (side["conf"] for side in figures(version))
    assert {"broker_url", "result_backend", "deprecated_settings", "include"} <= set(ours)
    assert re.fullmatch(r"redis://:\*{8}@127\.0\.0\.1:\d+/0", ours["broker_url"])
    for name in set(ours) & set(theirs):
        assert type(ours[name]) is type(theirs[name])
    assert ours["task_annotations"] == theirs["task_annotations"]


def test_report_names_software_platform_and_settings(figures, version):
    for side in figures(version):
        text = side["report"]["ok"]
        assert all(word in text for word in ("software ->", "platform ->", "settings ->", "task_annotations: "))


# ---- whom a request concerns ------------------------------------------------------------


@pytest.mark.parametrize("request_, answered", [
    ({"destination": ["w1@h1"]}, True),
    ({"destination": ["other@h1"]}, False),
    ({"pattern": "w?@*", "matcher": "glob"}, True),
    ({"pattern": "other*", "matcher": "glob"}, False),
    ({"pattern": r"w\d@", "matcher": "pcre"}, True),
    ({"pattern": "h1", "matcher": "pcre"}, False),
], ids=lambda value: str(value))
def test_both_know_whom_a_request_concerns(parties, request_, answered):
    for party in parties:
        replies = party.control("ping", **request_, timeout=3 if answered else 0.5, limit=1)
        assert replies == ([{"w1@h1": {"ok": "pong"}}] if answered else [])


@pytest.mark.parametrize("method, arguments", [
    ("nosuchcommand", {}),
    ("rate_limit", {"wrong": 1}),
    ("query_task", {}),
    ("report", {"x": 1}),
    ("active_queues", {"state": 1}),
    ("registered", {"builtins": True, "taskinfoitems": ["nothing"]}),
    ("ping", {"whatever": [1, {}]}),
    ("dump_reserved", {}),
    ("dump_schedule", {}),
    ("dump_revoked", {}),
    ("active", {"safe": True}),
], ids=lambda value: str(value))
def test_both_answer_the_same_to_the_same_request(parties, method, arguments):
    ours, theirs = (party.control(method, arguments=arguments, timeout=10, limit=1) for party in parties)
    ours, theirs = (json.loads(masked_numbers(json.dumps(r[0]["w1@h1"]))) for r in (ours, theirs))
    if method == "registered":
        ours, theirs = ([t for t in r if t.startswith("celery.ch")] for r in (ours, theirs))
    assert without_order(ours) == without_order(theirs)


@pytest.mark.petiole_only
def test_requests_are_logged_as_celery_logs_them(start, redis_server, clients):
    worker = start(loglevel="DEBUG")
    clients["new"].connect(redis_server.url(), redis_server.url())
    clients["new"].publish_control({"method": "ping", "arguments": {"a": 1, "b": "x"}})
    worker.wait_line(r"DEBUG/MainProcess\] pidbox received method ping\(a=1, b='x'\) \[reply_to:None ticket:None\]$")
    clients["new"].broadcast("nosuchcommand", timeout=5, limit=1)
    worker.wait_line(r"nosuchcommand\(\) \[reply_to:\{'exchange': 'reply.celery.pidbox', 'routing_key': '[-0-9a-f]+'\} "
                     r"ticket:[-0-9a-f]+\]$")
    worker.wait_line(r"ERROR/MainProcess\] pidbox command error: KeyError\('nosuchcommand'\)$")


@pytest.mark.petiole_only
def test_a_worker_that_stops_still_answers(start, redis_server, clients):
    worker = start()
    clients["new"].connect(redis_server.url(), redis_server.url())
    clients["new"].send("demo.sleep", 3)
    redis_server.until(lambda r: not r.llen("celery"))
    worker.signal(signal.SIGTERM)
    worker.wait_line("Warm shutdown")
    active = clients["new"].broadcast("active", timeout=2, limit=1)
    assert [task["name"] for task in active[0]["w1@h1"]] == ["demo.sleep"]
    worker.wait_exit(20)


# ---- bad input --------------------------------------------------------------------------


REPLY_TO = {"exchange": "reply.celery.pidbox", "routing_key": str(uuid.UUID(int=9))}
BAD = {
    "no method": {"arguments": {}},
    "method is a list": {"method": ["ping"], "reply_to": REPLY_TO},
    "arguments are a list": {"method": "ping", "arguments": [1], "reply_to": REPLY_TO},
    "destination is a number": {"method": "ping", "destination": 7},
    "pattern without end": {"method": "ping", "pattern": "(w|w1)+(.|..)*(.|..)*$x", "matcher": "pcre"},
    "unknown matcher": {"method": "ping", "pattern": "*", "matcher": "soundex"},
    "reply_to is a text": {"method": "ping", "reply_to": "me"},
    "nobody waits for the reply": {"method": "ping", "reply_to": REPLY_TO, "ticket": "x"},
    "huge arguments": {"method": "query_task", "arguments": {"ids": ["x" * 36] * 50000}, "reply_to": REPLY_TO},
}


@pytest.mark.petiole_only
@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_a_bad_request_stops_nothing(ours, body):
    ours.client.connect(ours.server.url(), ours.server.url())
    ours.client.publish_control(body)
    assert ours.control("ping", timeout=5, limit=1) == [{"w1@h1": {"ok": "pong"}}]


@pytest.mark.petiole_only
@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"{}" * 1000, b'{"body": "bm8="}'],
                         ids=["empty", "torn", "a list", "no text", "long", "no message"])
def test_bytes_that_are_no_message_stop_nothing(ours, text):
    connection = ours.server.client()
    assert connection.publish("/0.celery.pidbox", text) == 1
    connection.close()
    assert ours.control("ping", timeout=5, limit=1) == [{"w1@h1": {"ok": "pong"}}]


@pytest.mark.petiole_only
def test_no_reply_queue_is_left_behind(ours):
    ours.client.connect(ours.server.url(), ours.server.url())
    ours.client.publish_control(BAD["nobody waits for the reply"])
    ours.control("ping", timeout=5, limit=1)
    connection = ours.server.client()
    assert not connection.exists(f"{REPLY_TO['routing_key']}.reply.celery.pidbox")
    connection.close()


def enveloped(body):
    return json.dumps({
        "body": base64.b64encode(json.dumps(body).encode()).decode(), "content-encoding": "utf-8",
        "content-type": "application/json", "headers": {"clock": 1}, "properties": {
            "delivery_mode": 2, "delivery_info": {"exchange": "celery.pidbox", "routing_key": ""},
            "priority": 0, "body_encoding": "base64", "delivery_tag": str(uuid.UUID(int=8))}})


def is_answered_soon(party, method, seconds=20):
    """Asked again and again: in a flood the bus drops replies that it cannot send."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        replies = party.control(method, timeout=1, limit=1)
        if replies:
            return replies[0]["w1@h1"]
    return None


@pytest.mark.petiole_only
@pytest.mark.parametrize("method", ["ping", "stats", "active"])
def test_ten_thousand_requests_at_once_leave_the_worker_responsive(ours, method):
    connection = ours.server.client()
    flood = connection.pipeline(transaction=False)
    for _ in range(10000):
        flood.publish("/0.celery.pidbox", enveloped({"method": method, "reply_to": REPLY_TO, "ticket": "x"}))
    assert all(flood.execute())
    connection.close()
    assert is_answered_soon(ours, "ping") == {"ok": "pong"}
