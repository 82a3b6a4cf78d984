# SPDX-License-Identifier: Apache-2.0
"""petiole events and the waiting line of petiole call, in terminals of many sizes."""

import json
import re

import pytest

from actors.process import Process
from actors.terminal import Terminal
from actors.worker import LIVE, PETIOLE, PYTHON, clean_environment

pytestmark = pytest.mark.petiole_only

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\nforged@host [now] started: "


@pytest.fixture
def watched(stage, redis_server, clients):
    """A worker that tells of its tasks, and a producer."""
    stage.worker("petiole", redis_server, options=["-E"])
    clients["new"].connect(redis_server.url(), redis_server.url())
    return clients["new"]


@pytest.fixture
def view(stage, redis_server):
    def start(columns=80, rows=24, *words, term=None):
        env = {"LC_ALL": "C.UTF-8"}
        return stage.process(Terminal([*(["env", f"TERM={term}"] if term else []), PETIOLE, "events", "-b", redis_server.url(), *words],
                                      columns=columns, rows=rows, env=env))

    return start


def lines_of(stage, redis_server, *words):
    return stage.process(Process([PETIOLE, "events", "-b", redis_server.url(), *words], env=clean_environment()))


# ---- The view


@pytest.mark.parametrize("columns, rows", [(80, 24), (20, 10), (200, 60), (132, 6)])
def test_workers_and_tasks_are_seen_at_any_size(view, watched, columns, rows):
    terminal = view(columns, rows)
    terminal.wait("w1")
    id = watched.send("demo.add", 2, 3)
    assert watched.get(id)["value"] == 5
    screen = terminal.wait(lambda s: "SUCCESS" in s and "demo.add" in s)
    assert max(map(len, screen.splitlines())) <= columns
    if columns >= 80:
        assert id[:8] in screen and "w1@h1" in screen
    if columns >= 132:
        assert id in screen
    terminal.type("q")
    assert terminal.wait_exit() == 0


def test_a_resized_terminal_is_drawn_anew(view, watched):
    terminal = view(80, 24)
    terminal.wait("w1@h1")
    id = watched.send("demo.add", 2, 3)
    terminal.wait(id[:8])
    terminal.resize(20, 8)
    terminal.wait(lambda s: "SUCCESS  demo.add" in s and id[:8] not in s)
    terminal.resize(150, 40)
    terminal.wait(id)
    assert terminal.running()


def test_keys_select_show_and_revoke_a_task(view, watched):
    terminal = view()
    terminal.wait("w1@h1")
    good = watched.send("demo.add", 2, 3)
    terminal.wait(lambda s: "SUCCESS" in s)
    bad = watched.send("demo.add", 2, "x")
    terminal.wait(lambda s: "FAILURE" in s)
    terminal.type("j", "t")
    assert "TypeError" in terminal.wait(f"Traceback of {bad}")
    terminal.type("x", "Down", "r")
    assert "5" in terminal.wait(f"Result of {good}").splitlines()[1]
    terminal.type("x", "i")
    assert "args: " in terminal.wait(f"Task {good}")
    terminal.type("x", "R")
    terminal.wait(lambda s: f"Revoke {good}" in s and "w1@h1: tasks" in s and "flagged as revoked" in s)
    terminal.type("x", "L")
    terminal.wait("New rate limit: _")
    terminal.text("10/m")
    terminal.type("Enter")
    terminal.wait("w1@h1: new rate limit set successfully")


def test_no_event_garbles_the_terminal(view, watched):
    terminal = view()
    terminal.wait("w1@h1")
    watched.send("demo.add", HOSTILE, {"k": HOSTILE})
    screen = terminal.wait("FAILURE")
    assert screen.startswith("petiole events:") and "forged" not in screen
    terminal.type("j", "t")
    assert terminal.wait("Traceback of").startswith("Traceback of")
    assert "\x07" not in terminal.screen(colors=True)


def test_after_a_lost_connection_it_hears_again(view, stage, redis_server, watched):
    terminal = view()
    terminal.wait("w1@h1")
    redis_server.client().execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    terminal.wait(lambda s: watched.send("demo.add", 1, 1) and "SUCCESS" in s)


def test_ctrl_c_gives_the_terminal_back(stage, redis_server):
    terminal = stage.process(Terminal(
        ["sh", "-c", f"trap : INT; echo BEFORE; {PETIOLE} events -b {redis_server.url()}; echo AFTER $?; stty -a; cat"]))
    terminal.wait("petiole events:")
    terminal.type("C-c")
    screen = terminal.wait(lambda s: "AFTER 0" in s and "extproc" in s)
    assert screen.startswith("BEFORE\nAFTER 0") and re.search(r"(?<!-)\becho\b", screen) and " icanon" in screen
    terminal.text("it still reads\n")
    terminal.wait(lambda s: s.count("it still reads") == 2)


# ---- Lines


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_dumb_terminal_and_a_pipe_get_lines(stage, redis_server, view, watched, term):
    if term:
        screen = view(80, 24, term=term).wait("heartbeat")
        assert screen.startswith("-> evdump: starting capture...")
    else:
        lines = lines_of(stage, redis_server)
        lines.wait_line(r"^w1@h1 \[\d{4}-\d\d-\d\d .*\] heartbeat: active=0, ")


def comparable(line):
    """What two listeners cannot agree on: when each heard it, and the text of tracebacks,
    which Celery prints on lines of their own."""
    line = re.sub(r"local_received=[\d.e+]+", "local_received=", line)
    return re.sub(r"traceback=.*", "traceback=", line)


def test_the_dump_is_the_one_of_celery_events(stage, redis_server, watched):
    ours = lines_of(stage, redis_server, "--dump")
    theirs = stage.process(Process(
        [PYTHON["new"], "-m", "celery", "-b", redis_server.url(), "events", "--dump"], env=clean_environment(), cwd=LIVE))
    for listener in (ours, theirs):
        listener.wait_line(r"w1@h1 .* heartbeat: active")
    ids = [watched.send("demo.add", *args) for args in ((2, 3), (1, 41), (2, "x"))]
    for listener in (ours, theirs):
        for id in ids:
            listener.wait_line(rf"task (succeeded|failed): demo.add\({id}\)")
    seen = [[comparable(line) for line in listener.lines if any(id in line for id in ids) and " [20" in line]
            for listener in (ours, theirs)]
    assert len(seen[0]) == 9
    assert seen[0] == seen[1]


def test_json_is_an_event_a_line(stage, redis_server, watched):
    lines = lines_of(stage, redis_server, "--json")
    lines.wait_line('"worker-heartbeat"')
    id = watched.send("demo.add", HOSTILE, "x")
    lines.wait_line("task-failed|task-succeeded")
    events = [json.loads(line) for line in lines.lines]
    assert {"task-received", "task-started"} <= {e["type"] for e in events if e.get("uuid") == id}


def test_a_camera_is_refused_in_words(stage, redis_server):
    lines = lines_of(stage, redis_server, "-c", "myapp.Camera")
    assert lines.wait_exit() == 64
    assert "a camera is a Python class" in lines.text and lines.text.count("\n") == 0


# ---- petiole call --wait


def test_a_call_that_waits_shows_its_progress(stage, redis_server, watched):
    backend = redis_server.client()
    terminal = stage.process(Terminal(
        [PETIOLE, "call", "demo.nowhere", "-b", redis_server.url(), "--result-backend", redis_server.url(),
         "--queue", "nobody", "--wait", "60"], columns=70, rows=10, env={"LC_ALL": "C.UTF-8"}))
    screen = terminal.wait("PENDING")
    id = screen.split()[0]
    key = f"celery-task-meta-{id}"
    for state, meta, shown in (
            ("PROGRESS", {"current": 3, "total": 10, "message": "page 3"}, "PROGRESS  30% [######--------------] 3/10 page 3"),
            ("PROCESSING", {"percent": 75}, "PROCESSING  75% [###############-----]"),
            ("PROGRESS", {"message": HOSTILE}, r"PROGRESS \x1b[2J\x1b]0;owned\x07\r\nforged")):
        backend.set(key, json.dumps({"status": state, "result": meta, "traceback": None, "children": [], "task_id": id}))
        screen = terminal.wait(shown)
        assert screen.startswith(id) and len(screen.rstrip().splitlines()) == 2, screen
    backend.set(key, json.dumps({"status": "SUCCESS", "result": 42, "traceback": None, "children": [], "task_id": id}))
    terminal.wait(lambda s: "PRO" not in s and re.search("^42$", s, re.M))
    assert terminal.wait_exit() == 0
