# SPDX-License-Identifier: Apache-2.0
"""petiole dead, purge and drain: commands that look after queues and dead letters."""

import json
import subprocess

import pytest

from actors import wire
from actors.worker import PETIOLE, clean_environment

pytestmark = pytest.mark.petiole_only


@pytest.fixture
def petiole(redis_server):
    """petiole(*words) runs a command on this test's Redis."""

    def run(*words, code=0, stdin=""):
        done = subprocess.run([PETIOLE, *words, "-b", redis_server.url()], env=clean_environment(),
                              input=stdin.encode(), capture_output=True, timeout=60)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout.decode("latin-1")

    return run


@pytest.fixture
def dead(start, broker, redis_server):
    """Three dead letters of a real worker: no JSON, bytes that are no UTF-8, no task."""
    raw = [b"nonsense", b'{"body": "\xff\xfe\x80"}', json.dumps(wire.envelope(drop=["task"])).encode()]
    worker = start()
    for item in raw:
        broker.lpush("celery\x06\x166", item)
    redis_server.until(lambda r: r.llen("petiole.dead") == 3)
    assert worker.stop() == 0
    return raw


def letters(petiole, *words):
    return [json.loads(line) for line in petiole("dead", "list", "--json", *words).splitlines()]


def test_letters_are_listed_and_filtered(petiole, dead):
    table = petiole("dead", "list")
    assert "not a JSON object" in table and "3 dead letters." in table
    assert all(len(line) < 200 for line in table.splitlines())
    assert len(letters(petiole)) == 3
    assert len(letters(petiole, "--reason", "not a JSON object")) == 1
    assert letters(petiole, "--queue", "elsewhere") == []


def test_a_letter_shows_its_message_byte_for_byte(petiole, dead):
    shown = {petiole("dead", "show", letter["letter"], "--raw").encode("latin-1") for letter in letters(petiole)}
    assert shown == set(dead)
    petiole("dead", "show", "000000000000", code=1)


def test_replay_puts_the_original_bytes_back_in_one_step(petiole, dead, broker):
    one = letters(petiole, "--reason", "not a JSON object")[0]
    assert petiole("dead", "replay", one["letter"]) == "Replayed 1 dead letter.\n"
    assert broker.lrange("celery", 0, -1) == [dead[0]]
    assert broker.llen("petiole.dead") == 2
    assert petiole("dead", "replay", "--all", "--to", "other", "--back") == "Replayed 2 dead letters.\n"
    assert broker.lrange("other", 0, -1) == [dead[2], dead[1]]
    assert not broker.exists("petiole.dead")


def test_replay_finds_the_priority_again(petiole, broker):
    message = json.dumps(wire.envelope(priority=7))
    broker.lpush("petiole.dead", json.dumps(
        {"reason": "r", "queue": "q", "task": "t", "id": "i", "time": 1, "message": message}))
    petiole("dead", "replay", "--all")
    assert broker.lrange("q\x06\x166", 0, -1) == [message.encode()]


def test_what_cannot_be_replayed_says_why(petiole, broker):
    broker.lpush("petiole.dead", "by hand", '{"reason": "cut", "queue": "q"}', '{"reason": "r", "message": "m"}')
    petiole("dead", "replay", "--all", code=1)
    assert broker.llen("petiole.dead") == 3
    assert petiole("dead", "replay", "--all", "--to", "q", code=1) == "Replayed 1 dead letter.\n"
    assert petiole("dead", "drop", "--all") == "Dropped 2 dead letters.\n"


def test_a_list_of_many_pages_is_read_whole(petiole, broker):
    for n in range(333):
        broker.lpush("petiole.dead", json.dumps(
            {"reason": "odd" if n % 3 else "even", "queue": "q", "task": "t", "id": str(n), "time": n, "message": str(n)}))
    assert len(letters(petiole)) == 333
    assert petiole("dead", "drop", "--all", "--reason", "odd") == "Dropped 222 dead letters.\n"
    assert {int(letter["id"]) % 3 for letter in letters(petiole)} == {0}
    assert petiole("dead", "replay", "--all", "--back") == "Replayed 111 dead letters.\n"
    assert [int(m) for m in broker.lrange("q", 0, -1)] == [n for n in range(332, -1, -1) if n % 3 == 0]


def test_a_wrong_line_is_a_usage_error(petiole):
    petiole("dead", code=64)
    petiole("dead", "replay", code=64)
    petiole("dead", "list", "--what", code=64)
    for command in ("dead", "purge", "drain"):
        assert max(map(len, petiole(command, "--help").splitlines())) <= 80


def test_purge_speaks_as_celery_does(petiole, producer, broker):
    for n in range(3):
        producer.send("demo.echo", n, _options={"priority": n * 3})
    assert petiole("purge", "-f") == "Purged 3 messages from 1 known task queue.\n"
    assert not broker.exists("celery", "celery\x06\x163", "celery\x06\x166")
    assert petiole("purge", "-f", "-Q", "a,b") == "No messages purged from 2 queues.\n"
    producer.send("demo.echo", 1)
    assert "Are you sure" in petiole("purge", code=1, stdin="n\n")
    assert broker.llen("celery") == 1
    assert "Purged 1 message from" in petiole("purge", stdin="y\n")


def test_a_worker_purges_before_it_takes(producer, start, broker):
    ids = [producer.send("demo.echo", n) for n in range(3)]
    worker = start(options=["--purge"])
    worker.wait_line(r"^purge: Erased 3 messages from the queue\.$")
    assert producer.get(producer.send("demo.echo", 9))["value"] == 9
    assert not any(broker.exists(f"celery-task-meta-{id}") for id in ids)


def test_drain_gives_back_what_dead_workers_held(petiole, producer, start, broker, redis_server):
    worker = start()
    ids = {producer.send("demo.echo", n, _options={"countdown": 600}) for n in range(5)}
    redis_server.until(lambda r: r.hlen("unacked") == 5)
    assert "w1@h1 still runs" in petiole("drain", code=1)
    worker.kill_hard()
    inbox = json.loads(broker.hgetall("petiole.nodes").popitem()[1])["sources"][0][0]
    broker.lpush(inbox, json.dumps(wire.envelope("demo.echo", id="boxed")))
    assert "Put back 6 message(s)" in petiole("drain")
    assert {json.loads(m)["headers"]["id"] for m in broker.lrange("celery", 0, -1)} == ids | {"boxed"}
    assert not broker.exists("unacked", "unacked_index", "petiole.nodes")


def test_a_letter_in_another_language_reads_as_it_was_written(petiole, start, broker, redis_server):
    task, queue = "x" + "ü" * 150, "prüfstelle"  # the reason cuts the name within a character
    text = json.dumps(wire.envelope(task, queue=queue), ensure_ascii=False).encode()
    start(queues=queue, config={"unknown_task_wait": 0})
    wire.push(broker, text, queue)
    redis_server.until(lambda r: r.exists("petiole.dead"), seconds=30)
    letter = json.loads(broker.lindex("petiole.dead", 0).decode())
    assert letter["task"] == task and letter["queue"] == queue
    assert letter["reason"].startswith("unregistered task of type x" + "ü" * 99)
    assert letter["message"].encode("latin-1") == text
    assert queue.encode() in petiole("dead", "list", "--task", task).encode("latin-1")
    assert petiole("dead", "replay", "--all", "--queue", queue) == "Replayed 1 dead letter.\n"


def test_a_start_tells_of_many_letters(start, broker):
    broker.lpush("petiole.dead", *["{}"] * 99)
    assert start(hostname="a@h").count("petiole.dead") == 0
    broker.lpush("petiole.dead", "{}")
    start(hostname="b@h").wait_line("WARNING.*petiole.dead holds 100 messages .*'petiole dead list'")
