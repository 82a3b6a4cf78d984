# SPDX-License-Identifier: Apache-2.0
"""A worker that cannot start says why in one line, and with Celery's exit code."""

import socket

import pytest

from actors.process import Process
from actors.proxy import Proxy
from actors.redis_server import free_port
from actors.worker import BUILD, LIVE, PETIOLE, PYTHON, clean_environment

pytestmark = pytest.mark.petiole_only

FAILED, USAGE = 1, 64


@pytest.fixture
def petiole(stage):
    """petiole(arguments…) → (exit status, output)"""

    def run(*arguments, **env):
        process = stage.process(Process([PETIOLE, *arguments], env={**clean_environment(), **env}, cwd=LIVE))
        status = process.wait_exit(30)
        return status, process.text

    return run


@pytest.mark.parametrize("arguments, status, says", [
    (["worker", "--concurency", "2"], USAGE, "--concurrency"),
    (["worker", "--broker-url", "x"], USAGE, "--broker"),
    (["worker", "-c", "0"], USAGE, "at least 1|1 to|between 1|concurrency"),
    (["worker", "-c", "many"], USAGE, "many"),
    (["worker", "-c"], USAGE, "-c"),
    (["worker", "-l", "LOUD"], USAGE, "LOUD"),
    (["worker", "-A", "proj.celery"], FAILED, "plugin"),
    (["worker", "-A", "nonexistent"], FAILED, "nonexistent"),
    (["worker", "-A", "demo", "-b", "amqp://localhost"], None, "amqp"),
    (["worker", "-A", "demo", "-b", "redis://localhost/x"], None, "redis://localhost/x|database"),
    (["worker", "-A", "demo", "-b", "http://localhost"], None, "http"),
    (["worker", "-A", "demo", "-b", "redis://:secret@localhost:port/0"], None, "port"),
    (["worker", "-A", "demo", "--config", "/nonexistent.json"], None, "/nonexistent.json"),
    (["wroker"], USAGE, "worker"),
    ([], USAGE, "usage"),
], ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_a_wrong_command_line_is_one_clear_line(petiole, arguments, status, says):
    code, text = petiole(*arguments)
    assert code == status if status else code in (FAILED, USAGE)
    assert any(word.lower() in text.lower() for word in says.split("|")), text
    assert "secret" not in text
    if says != "usage" and arguments != ["wroker"]:
        assert len(text.strip().splitlines()) == 1, text


@pytest.mark.parametrize("settings, says", [
    ('{"task_ack_late": true}', "task_acks_late"), ('{"task_acks_late": "perhaps"}', "task_acks_late"),
    ('{"result_expires": "soon"}', "result_expires"), ("{not json", "config.json"), ("[]", "object")])
def test_a_wrong_setting_is_one_clear_line(petiole, tmp_path, settings, says):
    (tmp_path / "config.json").write_text(settings)
    code, text = petiole("worker", "-A", "demo", "--config", tmp_path / "config.json")
    assert code in (FAILED, USAGE)
    assert says in text and len(text.strip().splitlines()) == 1, text


@pytest.mark.parametrize("plugins, says", [
    ("demo,{build}/tests/live/plugins/wrong_abi.so", "wrong_abi.so.*ABI|ABI.*wrong_abi"),
    ("demo,{build}/tests/live/plugins/second_demo.so", "demo.add"),
    ("{build}/tests/live/plugins/missing.so", "missing.so"),
    ("{source}/test_start.py", "test_start.py")])
def test_a_plugin_that_does_not_fit_is_refused_in_words(petiole, redis_server, plugins, says):
    import re
    plugins = plugins.format(build=BUILD, source=LIVE)
    code, text = petiole("worker", "-A", plugins, "-b", redis_server.url())
    assert code == FAILED
    assert any(re.search(says, line) for line in text.splitlines()), text


def test_help_names_every_option_and_exits_0(petiole):
    code, text = petiole("worker", "--help")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    for option in ("-A", "-b", "--result-backend", "--pidfile", "--detach", "--log-format", "-Q", "-c", "-n", "-l", "--config",
                   "--time-limit", "--soft-time-limit", "--max-tasks-per-child", "--unknown"):
        assert option in text
    assert len(text.splitlines()) <= 50
    code, text = petiole("worker", "--help-all")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert "--umask" in text and "--prefetch-multiplier" in text and "--optimization" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert r"broker_transport_options.sep (\x06\x16)" in text
    assert "%(message)s)\n" in text, "a default is shown whole"


@pytest.mark.parametrize("command", [
    [], ["run"], ["config"], ["config", "import"], ["config", "check"], ["purge"], ["dead"], ["dead", "show"], ["drain"]],
    ids=" ".join)
def test_every_command_has_a_help_of_80_columns(petiole, command):
    code, text = petiole(*command, "--help")
    assert code == 0
    assert text.startswith("usage: petiole")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command, says", [
    ("wroker", "did you mean 'worker'?"),
    ("contemplate", "petiole --help lists them"),
])
def test_an_unknown_command_is_one_line(petiole, command, says):
    code, text = petiole(command)
    assert code == USAGE
    assert len(text.splitlines()) == 1 and f"'{command}'" in text and says in text


def test_app_may_stand_before_the_subcommand(stage, redis_server, producer):
    worker = stage.process(Process(
        [PETIOLE, "-A", "demo", "-b", redis_server.url(), "--result-backend", redis_server.url(),
         "worker", "-l", "INFO", "-c", "1"], env=clean_environment(), cwd=LIVE))
    worker.wait_line(r"ready\.$")
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5


# ---- Redis is not as it should be


def test_an_unreachable_redis_is_tried_again_until_it_is_there(stage, kind, clients):
    server = stage.redis()
    server.kill()
    worker = stage.worker(kind, server, ready=False)
    line = worker.wait_line(r"Cannot connect to redis://.*").group()
    assert "refused" in line.lower() and "Trying again in" in worker.text
    server.start()
    worker.wait_ready()
    clients["new"].connect(server.url(), server.url())
    assert clients["new"].get(clients["new"].send("demo.add", 2, 3))["value"] == 5


def test_without_retry_an_unreachable_redis_ends_the_worker(stage, kind, redis_server):
    redis_server.kill()
    worker = stage.worker(kind, redis_server, ready=False,
                          config={"broker_connection_retry_on_startup": False})
    worker.tolerate("CRITICAL")
    assert worker.wait_exit() == FAILED
    assert worker.count("Cannot connect to redis://.*refused") == 1


@pytest.mark.parametrize("config", [{"broker_connection_retry": False},
                                    {"broker_connection_retry": True,
                                     "broker_connection_retry_on_startup": False}])
def test_the_setting_that_ends_the_worker_is_named(stage, redis_server, config):
    redis_server.kill()
    worker = stage.worker("petiole", redis_server, ready=False, config=config)
    worker.tolerate("CRITICAL")
    assert worker.wait_exit() == FAILED
    name = next(name for name, value in config.items() if not value)
    assert worker.count(f"has been disabled \\({name}=False\\). Shutting down") == 1


def test_without_retry_a_lost_connection_ends_the_worker_later(start, redis_server):
    worker = start(config={"broker_connection_retry": False, "broker_connection_retry_on_startup": True})
    worker.tolerate("CRITICAL")
    redis_server.kill()
    assert worker.wait_exit(30) == FAILED
    assert worker.count("Retrying to re-establish a connection .* has been disabled") == 1


def test_two_nodes_of_one_name_are_warned_about(start, stage, redis_server, kind):
    first = start()
    second = stage.worker(kind, redis_server)
    second.wait_line("WARNING.*A node with the same name is already using this broker: w1@h1", 30)
    assert first.stop() == 0 and second.stop() == 0


def test_a_node_that_follows_a_killed_one_is_not_warned_about(start, redis_server, producer):
    start().kill_hard()
    worker = start()
    worker.wait_line("restored|ready", 30)
    redis_server.until(lambda r: r.hlen("petiole.nodes") == 1, what="the dead node forgotten")
    assert worker.count("same name") == 0


def test_a_redis_that_never_answers_is_given_up_and_tried_again(stage, kind, redis_server, producer):
    redis_server.pause()
    worker = stage.worker(kind, redis_server, ready=False, config={"broker_connection_timeout": 1})
    worker.wait_line("Cannot connect to redis://.*", 20)
    redis_server.resume()
    worker.wait_ready()
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5


def test_a_host_that_accepts_and_says_nothing_is_given_up(stage, kind, redis_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        worker = stage.worker(kind, redis_server, broker=f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
                              ready=False, config={"broker_connection_timeout": 1})
        worker.wait_line("Cannot connect to redis://.*", 20)


def test_something_that_is_no_redis_is_named_as_such(stage, kind, redis_server):
    import threading
    with socket.create_server(("127.0.0.1", 0)) as web:
        def answer():
            try:
                while True:
                    near, _ = web.accept()
                    near.recv(100)
                    near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    near.close()
            except OSError:
                pass
        threading.Thread(target=answer, daemon=True).start()
        worker = stage.worker(kind, redis_server, broker=f"redis://127.0.0.1:{web.getsockname()[1]}/0", ready=False)
        worker.wait_line("Cannot connect to redis://.*", 20)


@pytest.mark.parametrize("password, says", [(None, "NOAUTH|password"), ("wrong", "WRONGPASS|password")])
def test_a_missing_or_wrong_password_is_one_clear_line(stage, kind, password, says):
    server = stage.redis(requirepass="right")
    url = f"redis://:{password}@127.0.0.1:{server.port}/0" if password else f"redis://127.0.0.1:{server.port}/0"
    worker = stage.worker(kind, server, broker=url, ready=False)
    worker.tolerate("CRITICAL")
    worker.wait_line(says)
    assert "right" not in worker.text and ":wrong@" not in worker.text


def test_a_redis_before_6_2_is_refused_in_one_line(stage, kind, redis_server):
    version = redis_server.client().info()["redis_version"].encode()
    proxy = Proxy(redis_server.port, (b"redis_version:" + version,
                                      b"redis_version:" + b"6.0.16".ljust(len(version), b" ")))
    try:
        worker = stage.worker(kind, redis_server, broker=proxy.url(), ready=False)
        worker.tolerate("CRITICAL")
        assert worker.wait_exit() == FAILED
        assert worker.count(r"6\.2") == 1 and worker.count(r"6\.0\.16") == 1
    finally:
        proxy.close()


def test_an_evicting_redis_is_warned_about(stage, kind):
    server = stage.redis(maxmemory="100mb", maxmemory_policy="allkeys-lru")
    worker = stage.worker(kind, server, loglevel="INFO")
    worker.wait_line("maxmemory|evict", 5)


# ---- The real celery command beside a petiole worker


def celery(stage, *arguments):
    process = stage.process(Process([PYTHON["new"], "-m", "celery", *arguments],
                                    env=clean_environment(), cwd=LIVE))
    status = process.wait_exit(30)
    return status, process.text


def test_celery_call_and_result_know_the_tasks(stage, start, redis_server):
    start()
    urls = ["-b", redis_server.url(), "--result-backend", redis_server.url()]
    status, id = celery(stage, *urls, "call", "demo.add", "-a", "[2, 3]")
    assert status == 0
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id.strip()}"))
    status, text = celery(stage, *urls, "result", id.strip())
    assert (status, text.strip()) == (0, "5")


def test_celery_purge_empties_the_queue_it_serves(stage, start, redis_server, producer, broker):
    worker = start()
    worker.stop()
    for n in range(3):
        producer.send("demo.echo", n)
    status, text = celery(stage, "-b", redis_server.url(), "purge", "-f")
    assert status == 0 and "3" in text and not broker.llen("celery")
