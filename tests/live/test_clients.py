# SPDX-License-Identifier: Apache-2.0
"""petiole's client commands beside `celery`'s, which ask the same workers."""

import json
import re
import subprocess

import pytest

from actors.worker import LIVE, PETIOLE, PYTHON, clean_environment

pytestmark = pytest.mark.petiole_only

ID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def finished(argv, environment=None, stdin=subprocess.DEVNULL):
    done = subprocess.run([str(word) for word in argv], env={**clean_environment(), **(environment or {})},
                          cwd=LIVE, capture_output=True, timeout=60, input=stdin if isinstance(stdin, bytes) else None,
                          stdin=None if isinstance(stdin, bytes) else stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def urls(redis_server):
    return ["-b", redis_server.url(), "--result-backend", redis_server.url()]


@pytest.fixture
def petiole(urls):
    """petiole(*words) is what it prints; another exit code is expected aloud, and then what it says."""

    def run(*words, code=0, **more):
        status, out, err = finished([PETIOLE, "-C", *urls, *words], **more)
        assert status == code, (out, err)
        return out if code == 0 else err

    return run


@pytest.fixture
def celery(urls, version):
    """The same of celery, whose exit code of a wrong line differs."""

    def run(*words, code=0, **more):
        status, out, err = finished([PYTHON[version], "-W", "ignore", "-m", "celery", "-C", *urls, *words], **more)
        assert status == code, (out, err)
        return out if code == 0 else err

    return run


@pytest.fixture
def client(clients, version, redis_server):
    clients[version].connect(redis_server.url(), redis_server.url())
    return clients[version]


# ---- result ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "two\nlines", [1, "it's", 'a "quote"', None, 10 ** 30], {"ä": [1.5, {"b": False}]}],
                         ids=["None", "text", "a list", "a dict"])
def test_a_result_is_printed_as_celerys(petiole, celery, client, worker, value):
    id = client.send("demo.echo", value)
    assert petiole("result", id) == celery("result", id)


def test_a_result_is_printed_as_python_does(petiole, client, worker):
    for value in ("text", "", 5, 2.0, True, [], {}, "it's", 1e300):
        assert petiole("result", client.send("demo.echo", value)) == f"{value}\n"


def test_a_failure_shows_its_traceback(petiole, celery, client, worker):
    id = client.send("demo.fail", "ValueError", "broken")
    said = petiole("result", id, code=1)
    assert said.startswith("Traceback (most recent call last):") and "broken" in said
    assert celery("result", id, code=1).splitlines()[-1] == said.splitlines()[-1]
    assert petiole("result", id, "--traceback") == celery("result", id, "--traceback")


def test_a_result_that_does_not_come_is_not_waited_for_ever(petiole, redis_server):
    said = petiole("result", "nobody", "--timeout", "0.2", code=69)
    assert said == "petiole result: no result after 0.2 s: it is PENDING\n"
    assert petiole("result", "nobody", "--traceback") == "\n"


def test_a_result_as_json(petiole, client, worker):
    id = client.send("demo.echo", {"a": 1})
    assert json.loads(petiole("result", id, "--json")) == {"id": id, "status": "SUCCESS", "result": {"a": 1},
                                                           "traceback": None}


# ---- list, purge, report -----------------------------------------------------------


def table(text):
    head, rows = text.splitlines()[:2], text.splitlines()[2:]
    return head, sorted(rows)


def test_bindings_are_listed_as_celerys(petiole, celery, broker):
    assert table(petiole("list", "bindings")) == table(celery("list", "bindings"))
    broker.sadd("_kombu.binding.celery", "r\x06\x16\x06\x16other", "nonsense\x06\x16\x06\x16" + "q" * 40)
    assert table(petiole("list", "bindings")) == table(celery("list", "bindings"))
    assert {"destination": "other", "source": "celery", "routing_key": "r"} in json.loads(
        petiole("list", "bindings", "--json"))


def test_listing_writes_nothing(petiole, broker):
    petiole("list", "bindings")
    assert broker.keys("*") == []


def test_purge_counts_and_asks_as_celerys(petiole, celery, client):
    for ask in (petiole, celery):
        assert ask("purge", "-f") == "No messages purged from 1 queue.\n"
        client.send("demo.echo", 1)
        assert ask("purge", "-f") == "Purged 1 message from 1 known task queue.\n"
        client.send("demo.echo", 1)
        client.send("demo.echo", 1)
        assert ask("purge", "--force") == "Purged 2 messages from 1 known task queue.\n"
        client.send("demo.echo", 1)
        assert ask("purge", code=1, stdin=b"n\n").endswith("Aborted!\n")
        out = ask("purge", stdin=b"y\n")
        assert "This will remove all tasks from queue: celery." in out
        assert out.endswith("Purged 1 message from 1 known task queue.\n")


def test_a_report_has_celerys_shape(petiole, celery):
    def shape(text):
        return [line.split()[0] for line in text.splitlines() if re.match(r"\S", line)]

    ours, theirs = petiole("report"), celery("report")
    assert shape(ours)[:4] == shape(theirs)[:4] and "deprecated_settings:" in shape(ours)
    assert "broker_url: 'redis" in ours and ours.endswith("\n\n")


def test_a_report_keeps_secrets(urls):
    words = ["report", "-b", "redis://me:hidden@h/1", "--result-backend", "redis://:hidden@h"]
    for more in ([], ["--json"]):
        status, out, err = finished([PETIOLE, *words, *more])
        assert status == 0 and "hidden" not in out + err and "redis://me:********@h:6379/1" in out


# ---- what is wrong -----------------------------------------------------------------


@pytest.mark.parametrize("words, what", [
    (["result"], "of which task?"),
    (["result", "a", "b"], "unexpected argument 'b'"),
    (["result", "a", "--timeout", "soon"], "--timeout needs seconds, not 'soon'"),
    (["result", "a", "--tracebak"], "did you mean '--traceback'?"),
    (["list"], "say bindings"),
    (["list", "binding"], "did you mean 'bindings'?"),
    (["report", "x"], "unexpected argument 'x'"),
], ids=" ".join)
def test_a_wrong_line_is_refused_in_one(petiole, words, what):
    said = petiole(*words, code=64)
    assert what in said and said.count("\n") == 1, said


def test_a_server_that_is_not_there_is_one_line(urls):
    for words in (["result", "x"], ["list", "bindings"], ["purge", "-f"]):
        status, out, err = finished([PETIOLE, *words, "-b", "redis://:hidden@127.0.0.1:1",
                                     "--result-backend", "redis://:hidden@127.0.0.1:1"])
        assert status == 1 and "cannot reach" in err and err.count("\n") == 1, err
        assert "hidden" not in err


@pytest.mark.parametrize("command", ["result", "list", "purge", "report"])
def test_help_fits_a_screen(petiole, command):
    lines = petiole(command, "--help").splitlines()
    assert len(lines) <= 50 and all(len(line) <= 80 for line in lines)
