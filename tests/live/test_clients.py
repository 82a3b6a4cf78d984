# SPDX-License-Identifier: Apache-2.0
"""petiole's client commands beside `celery`'s, which ask the same workers."""

import json
import re
import signal
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


# ---- inspect, control, status ------------------------------------------------------


@pytest.fixture
def cluster(start, urls):
    """A petiole worker and a Python one, who share a broker. A Python worker calls itself ready a
    moment before it hears anybody."""
    both = start(kind="petiole", hostname="c@h1"), start(kind="new", hostname="py@h2")
    for worker in both:
        ask = [PETIOLE, "inspect", "ping", "-t", "1", "-d", worker.hostname, *urls]
        assert any("pong" in finished(ask)[1] for _ in range(30)), f"{worker.hostname} hears nobody"
    return both


def nodes(text):
    """What each node said, in the order of their names, and the count behind them, if there is one."""
    parts = re.split(r"(?m)^(?=->  |$\n^\d+ node)", text)
    return sorted(p for p in parts if p.startswith("->")), [p for p in parts if p and not p.startswith("->")]


def masked(text):
    return re.sub(r"\d+(\.\d+)?|N+ ?(KB|MB)", "N", ID.sub("<id>", text))


def test_both_clients_print_the_same_of_both_workers(petiole, celery, cluster, client):
    client.send("demo.echo", 1, _options={"countdown": 1000})
    id = client.send("demo.echo", 1)
    client.get(id)
    for words in ("status", "inspect ping", "inspect active", "inspect scheduled", "inspect registered rate_limit",
                  "inspect active_queues", "inspect clock", "inspect stats", "inspect conf",
                  f"inspect query_task {id}", "control rate_limit demo.add 5/m", "control rate_limit nosuch 5/m",
                  "control pool_grow 1", f"control revoke {id}", "control heartbeat"):
        ours, theirs = (ask(*words.split(), "-t", "20", "-d", "c@h1,py@h2") for ask in (petiole, celery))
        assert [masked(part) for part in nodes(ours)[0]] == [masked(part) for part in nodes(theirs)[0]], words
        assert nodes(ours)[1] == nodes(theirs)[1]
        assert len(nodes(ours)[0]) == 2


def test_json_is_celerys(petiole, celery, cluster):
    patience = ["-t", "20", "-d", "c@h1,py@h2"]
    for words in ("inspect -j ping", "inspect registered --json"):
        ours, theirs = (json.loads(ask(*words.split(), *patience)) for ask in (petiole, celery))
        assert ours == theirs and len(ours) == 2
    ours, theirs = (json.loads(ask("control", "-j", "pool_grow", *patience)) for ask in (petiole, celery))
    assert sorted(ours, key=str) == sorted(theirs, key=str) and len(ours) == 2
    assert json.loads(petiole("status", "-j", "-t", "20")) == {"c@h1": {"ok": "pong"}, "py@h2": {"ok": "pong"}}


def test_options_stand_before_and_behind(redis_server, worker):
    for words in (["-b", redis_server.url(), "-A", "proj.celery", "-q", "inspect", "ping"],
                  ["inspect", "ping", "-q", "-C", f"--broker={redis_server.url()}", "--workdir", "/"],
                  ["inspect", "-b", redis_server.url(), "-q", "ping", "-d", "w1@h1,w1@h1"]):
        assert finished([PETIOLE, *words]) == (0, " w1@h1: OK\n        pong\n", "")


def test_only_those_named_are_asked(petiole, cluster):
    assert petiole("status", "-d", "py@h2", "-t", "20").splitlines()[0] == "->  py@h2: OK"
    assert petiole("inspect", "ping", "--pattern", "c@*", "-t", "2").count("pong") == 1
    assert petiole("inspect", "ping", "--pattern", "^py", "--matcher", "pcre", "-t", "2").count("pong") == 1
    assert petiole("status", "-d", "nobody@h", "-t", "0.2", code=69) == (
        "Error: No nodes replied within time constraint\n")
    assert "names no node" in petiole("control", "shutdown", "-d", ",", code=64)


def test_arguments_as_json_reach_what_words_do_not(petiole, cluster, broker):
    said = petiole("inspect", "registered", "--arguments", '{"builtins": true}', "-j", "-t", "20")
    assert all("celery.chain" in tasks for tasks in json.loads(said).values())
    assert petiole("control", "my_own", "--arguments", "{}", "-t", "20").count("ERROR") == 2


def test_nothing_is_left_in_the_broker(petiole, worker, broker):
    before = set(broker.keys("*"))
    for words in (["status"], ["inspect", "stats"], ["control", "heartbeat"], ["status", "-d", "x@h", "-t", "0.1"]):
        petiole(*words, code=69 if "x@h" in words else 0)
    left = set(broker.keys("*")) - before
    assert not [key for key in left if b"reply" in key]


def test_nobody_to_ask_is_known_at_once(petiole, celery):
    said = petiole("status", "-t", "50", code=69)
    assert said == celery("status", "-t", "0.3", code=69) == "Error: No nodes replied within time constraint\n"
    assert petiole("inspect", "ping", "-j", code=69) == said


def test_a_worker_that_hears_and_is_stopped_costs_the_timeout(petiole, worker):
    worker.signal(signal.SIGSTOP)
    assert "No nodes replied" in petiole("inspect", "ping", "-t", "0.5", code=69)
    worker.signal(signal.SIGCONT)
    assert "pong" in petiole("inspect", "ping", "-t", "10")


def test_list_names_celerys_methods(petiole, version):
    script = ("from celery.worker.control import Panel\n"
              "for n, i in Panel.meta.items():\n"
              "    if i.visible: print(i.type, n)")
    status, out, err = finished([PYTHON[version], "-c", script])
    for kind in ("inspect", "control"):
        listed = {line.split()[0] for line in petiole(kind, "--list").splitlines()
                  if re.match("  [a-z]", line)}
        assert listed == {line.split()[1] for line in out.splitlines() if line.startswith(kind)}


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
    (["inspect"], "see petiole inspect --help"),
    (["inspect", "pong"], "did you mean 'ping'?"),
    (["inspect", "revoke", "x"], "revoke is a method of petiole control"),
    (["control", "rate_limit", "demo.add"], "rate_limit takes TASK RATE"),
    (["control", "pool_grow", "many"], "n needs an integer, not 'many'"),
    (["control", "pool_grow", "--arguments", '{"n": '], "--arguments is no JSON: Expecting value at byte 6"),
    (["control", "pool_grow", "--arguments", "[1]"], "--arguments must be an object"),
    (["control", "pool_grow", "2", "--arguments", "{}"], "leave out '2'"),
    (["inspect", "ping", "-t", "-1"], "--timeout needs seconds"),
    (["inspect", "ping", "--matcher", "regex"], "--matcher is glob or pcre"),
    (["status", "ping"], "unexpected argument 'ping'"),
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


@pytest.mark.parametrize("words", [["status"], ["inspect", "ping"], ["control", "heartbeat"]], ids=" ".join)
def test_a_broker_that_is_not_there_or_refuses_is_one_line(words, redis_server, broker):
    status, out, err = finished([PETIOLE, *words, "-b", "redis://:hidden@127.0.0.1:1"])
    assert (status, out) == (69, "") and "cannot reach redis://:**@127.0.0.1:1" in err and err.count("\n") == 1, err
    broker.config_set("requirepass", "right")
    status, out, err = finished([PETIOLE, *words, "-b", redis_server.url().replace("redis://", "redis://:wrong@")])
    assert (status, out) == (69, "") and "wrong" not in err.split(": ", 1)[1].split("@")[0] and err.count("\n") == 1, err


@pytest.mark.parametrize("command", ["result", "list", "purge", "report", "inspect", "control", "status"])
def test_help_fits_a_screen(petiole, command):
    lines = petiole(command, "--help").splitlines()
    assert len(lines) <= 50 and all(len(line) <= 80 for line in lines)
