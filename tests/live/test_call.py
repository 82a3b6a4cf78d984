# SPDX-License-Identifier: Apache-2.0
"""petiole call: a producer on the command line, beside `celery call` and AsyncResult."""

import json
import os
import re
import subprocess

import pytest

from actors import wire
from actors.worker import LIVE, PETIOLE, PYTHON, clean_environment

pytestmark = pytest.mark.petiole_only

DIFFERS = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|gen\d+@")


def finished(argv, environment=None):
    done = subprocess.run([str(word) for word in argv], env={**clean_environment(), **(environment or {})},
                          cwd=LIVE, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def call(redis_server, tmp_path):
    """call(*words) is what `petiole call` prints; another exit code is expected aloud."""

    def run(*words, code=0, config=None):
        urls = ["-b", redis_server.url(), "--result-backend", redis_server.url()]
        if config is not None:
            (tmp_path / "config.json").write_text(json.dumps(config))
            urls += ["--config", tmp_path / "config.json"]
        status, out, err = finished([PETIOLE, "call", *urls, *words])
        assert status == code, (out, err)
        return out.rstrip("\n") if code == 0 else err

    return run


@pytest.fixture
def client(clients, version, redis_server):
    clients[version].connect(redis_server.url(), redis_server.url())
    return clients[version]


def only(broker, queue):
    assert broker.llen(queue) == 1
    return broker.rpop(queue)


# ---- Plain tasks -------------------------------------------------------------------


def test_a_called_task_runs_and_its_id_is_printed(call, worker, client):
    id = call("demo.add", "-a", "[2, 3]")
    assert client.get(id) == {"value": 5, "state": "SUCCESS"}
    id = call("demo.add", "--args=[1]", "-k", '{"y": 41}')
    assert client.get(id)["value"] == 42


@pytest.mark.parametrize("words", [
    ["demo.add", "-a", "[2, 3]"],
    ["demo.echo", "-k", '{"value": {"ä": [1.5, null, true]}}', "--queue", "elsewhere"],
    ["demo.echo", "-a", '["x"]', "--exchange", "e", "--routing-key", "r"],
], ids=["arguments", "a queue", "an exchange"])
def test_the_message_is_the_one_celery_call_sends(call, redis_server, broker, words):
    queue = "elsewhere" if "--queue" in words else "r" if "--routing-key" in words else "celery"
    broker.sadd("_kombu.binding.e", "r\x06\x16\x06\x16r")
    found = []
    for argv in ([PETIOLE, "call", *words, "-b", redis_server.url()],
                 [PYTHON["new"], "-m", "celery", "-b", redis_server.url(), "call", *words]):
        status, out, err = finished(argv)
        assert status == 0, err
        message, body = wire.decoded(only(broker, queue))
        assert out.strip() == message["headers"]["id"]
        message["headers"]["argsrepr"] = message["headers"]["argsrepr"].strip("()[]").rstrip(",")  # celery call: a list
        found.append(DIFFERS.sub("<>", json.dumps([message, body, sorted(broker.smembers(f"_kombu.binding.{queue}"))],
                                                  default=repr)))
    assert found[0] == found[1]


def test_times_are_celerys(call, broker):
    call("demo.echo", "--eta", "2030-01-02T03:04:05+01:00", "--expires", "2031-01-02T03:04:05")
    headers = wire.decoded(only(broker, "celery"))[0]["headers"]
    assert headers["eta"] == "2030-01-02T03:04:05+01:00" and headers["expires"] == "2031-01-02T03:04:05"
    call("demo.echo", "--countdown", "100", "--expires=200.5")
    message, _ = wire.decoded(only(broker, "celery"))
    assert message["headers"]["eta"] < message["headers"]["expires"]
    assert message["properties"]["expiration"] == "200500"


def test_settings_of_a_sender_count(call, broker):
    config = {"task_routes": {"images.*": {"queue": "images", "priority": 6}}, "task_serializer": "msgpack",
              "broker_transport_options": {"global_keyprefix": "app:"}}
    id = call("images.resize", "-a", '["p"]', config=config)
    message = json.loads(only(broker, "app:images\x06\x166"))
    assert message["headers"]["id"] == id and message["content-type"] == "application/x-msgpack"
    assert broker.smembers("app:_kombu.binding.images") == {b"images\x06\x16\x06\x16images"}


def test_a_wrong_line_is_refused_in_one(call, broker):
    for words, what in ((["demo.add", "-a", "[1"], "--args is no JSON: Expecting ',' delimiter at byte 2"),
                        (["demo.add", "-a", '{"x": 1}'], "--args must be an array"),
                        (["demo.add", "-k", "[]"], "--kwargs must be an object"),
                        (["demo.add", "--eta", "soon"], "--eta needs a time"),
                        (["demo.add", "--countdown", "soon"], "--countdown needs seconds"),
                        (["demo.add", "--countdown", "1e300"], "out of range"),
                        (["demo.add", "--serializer", "pickle"], "cannot write the message of demo.add as pickle"),
                        (["demo.add", "--nothing"], "unknown option '--nothing'"),
                        (["demo.add", "demo.add"], "unexpected argument 'demo.add'"),
                        ([], "which task?")):
        said = call(*words, code=64)
        assert what in said and said.count("\n") == 1, said
    assert broker.keys("*") == []
    status, out, err = finished([PETIOLE, "call", "demo.add", "-b", "redis://127.0.0.1:1"])
    assert status == 1 and "cannot reach" in err and err.count("\n") == 1


# ---- Waiting -----------------------------------------------------------------------


def test_the_value_is_printed_as_json(call, worker):
    assert json.loads(call("demo.echo", "-a", '[{"a": [1, null, "ä"]}]', "--wait")) == {"a": [1, None, "ä"]}
    told = json.loads(call("demo.add", "-a", "[1, 2]", "--wait", "20", "--json"))
    assert (told["status"], told["result"], told["traceback"]) == ("SUCCESS", 3, None)
    assert json.loads(call("demo.add", "-a", "[1, 2]", "--json")).keys() == {"id"}


def test_a_failure_is_told_as_python_raises_it(call, worker):
    said = call("demo.fail", "-a", '["ValueError", "no luck"]', "--wait", "20", code=1)
    assert said.endswith("ValueError: no luck\n") and "Traceback" in said


def test_no_result_in_time_is_an_exit_code_of_its_own(call, broker):
    said = call("demo.add", "-a", "[1, 2]", "--wait", "0.2", code=69)
    assert said.endswith("petiole call: no result after 0.2 s: it is PENDING\n")
    assert broker.llen("celery") == 1


def test_a_terminal_shows_the_progress(redis_server, worker):
    terminal, stderr = os.openpty()
    run = subprocess.Popen([PETIOLE, "call", "demo.progress", "-a", "[3, 1.5]", "--wait", "-b", redis_server.url(),
                            "--result-backend", redis_server.url()],
                           env=clean_environment(), stdout=subprocess.PIPE, stderr=stderr)
    assert run.communicate(timeout=30)[0] == b"3\n"
    shown = os.read(terminal, 65536).decode()
    assert re.search(r"\rPROGRESS  33% \[#{6}-{14}\] 1/3 +\d+s\x1b\[K", shown)
    assert shown.endswith("\r\x1b[K"), "the line is wiped"
    os.close(stderr)
    os.close(terminal)


@pytest.mark.parametrize("serializer", ["msgpack", "yaml"])
def test_results_in_other_forms_are_read(call, start, serializer):
    config = {"result_serializer": serializer, "result_compression": "zlib"}
    start(config=config)
    assert call("demo.add", "-a", "[1, 2]", "--wait", "20", config=config) == "3"


# ---- Workflows ---------------------------------------------------------------------

ADD = 's("demo.add", {}, {})'.format
SIGNATURES = {
    "a task": (ADD(1, 2), 3),
    "a chain": (f'chain({ADD(1, 2)}, s("demo.add", 10), s("demo.add", 20))', 33),
    "a group": (f"group({ADD(1, 2)}, {ADD(3, 4)})", [3, 7]),
    "groups in a group": (f"group({ADD(1, 2)}, group({ADD(3, 4)}, {ADD(5, 6)}))", [3, 7, 11]),
    "a chord": (f'chord([{ADD(1, 2)}, {ADD(3, 4)}], s("demo.echo"))', [3, 7]),
    "a chain to a group": (f'chain({ADD(1, 2)}, group(s("demo.add", 10), s("demo.add", 20)))', [13, 23]),
    "a chord in a chain": (f'chain({ADD(1, 2)}, group(s("demo.add", 10), s("demo.add", 20)), s("demo.echo"))', [13, 23]),
}


@pytest.mark.parametrize("runs", ["petiole", "new"])
@pytest.mark.parametrize("name", SIGNATURES)
def test_any_signature_is_applied(call, start, client, name, runs):
    start(kind=runs)
    expression, value = SIGNATURES[name]
    text = json.dumps(client.signature(expression))
    assert json.loads(call("--signature", text, "--wait", "30")) == value


def test_a_signature_comes_from_a_file_with_more_arguments(call, worker, client, tmp_path):
    (tmp_path / "sig").write_text(json.dumps(client.signature('s("demo.add", 2)')))
    id = call("--signature", f"@{tmp_path / 'sig'}", "-a", "[40]", "--countdown", "0.1")
    assert client.get(id)["value"] == 42


def test_what_is_no_signature_is_refused_in_one_line(call, broker):
    for words, what in ((["[]"], "it is no object"), (["{}"], "it names no task"), (["{"], "--signature is no JSON"),
                        (["@/nowhere"], "cannot read the signature in /nowhere: No such file or directory"),
                        (['{"task": "demo.add"}', "demo.add"], "leave out demo.add"),
                        (['{"task": "demo.add"}', "-k", "{}"], "leave out --kwargs")):
        said = call("--signature", *words, code=64)
        assert what in said and said.count("\n") == 1, said
    assert broker.keys("*") == []


def test_a_chord_needs_a_result_backend(redis_server, broker, client):
    text = json.dumps(client.signature(SIGNATURES["a chord"][0]))
    status, _, err = finished([PETIOLE, "call", "--signature", text, "-b", redis_server.url()])
    assert status == 64 and "there is no result backend" in err
    assert broker.keys("*") == []


def test_its_help_fits_the_terminal(call):
    assert max(map(len, call("--help").splitlines())) <= 80
