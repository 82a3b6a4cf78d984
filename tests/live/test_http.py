# SPDX-License-Identifier: Apache-2.0
"""Probes through a worker's life, metrics that equal what happened, and bad clients. The
worker goes on consuming whatever they do."""

import concurrent.futures
import os
import pathlib
import resource
import signal
import socket

import pytest
from prometheus_client import Histogram
from prometheus_client.utils import floatToGoString

from actors.redis_server import free_port
from actors.web import Web, read_all
from actors.worker import BUILD

pytestmark = pytest.mark.petiole_only
COUNTING = str(BUILD / "tests" / "live" / "plugins" / "counting.so")


@pytest.fixture
def open_web(start):
    """open_web(**options) starts a worker with --http on a port of its choice."""
    def begin(*more, **options):
        worker = start(options=["--http", "127.0.0.1:0", *more], **options)
        return worker, Web(worker)
    return begin


def consumes(producer):
    return producer.get(producer.send("demo.add", 2, 3))["value"] == 5


# ---- probes ---------------------------------------------------------------------------


def test_a_worker_without_its_broker_is_live_and_not_ready(stage, kind, redis_server):
    port = redis_server.port
    redis_server.process.kill()
    worker = stage.worker(kind, redis_server, options=["--http", "127.0.0.1:0"], ready=False)
    web = Web(worker)
    assert web.live() == 200
    web.until(lambda: "broker" in web.ask("/readyz")[1], "a reason that names the broker")
    assert web.ready() == 503
    redis_server.start()
    worker.wait_ready()
    assert redis_server.port == port and (web.live(), web.ready()) == (200, 200)


def test_a_lost_broker_makes_it_unready_and_never_dead(open_web, redis_server, producer):
    worker, web = open_web()
    assert web.ready() == 200
    redis_server.process.kill()
    web.until(lambda: web.ready() == 503, "not ready without Redis")
    assert web.ask("/livez")[:2] == (200, "ok\n")
    assert web.metrics().value("petiole_broker_up") == 0
    redis_server.start()
    web.until(lambda: web.ready() == 200, "ready again")
    assert consumes(producer)


def test_a_worker_that_drains_is_live_and_not_ready(open_web, redis_server, producer):
    worker, web = open_web(concurrency=1, config={"task_track_started": True})
    id = producer.send("demo.sleep", 1.5)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    worker.signal(signal.SIGTERM)
    worker.wait_line("Warm shutdown")
    assert web.ask("/readyz")[:2] == (503, "stopping\n")
    assert web.live() == 200
    assert worker.wait_exit() == 0
    assert "value" in producer.get(id)


def test_children_that_do_not_come_up_any_more_make_it_dead(open_web, tmp_path):
    hang = tmp_path / "hang"
    worker, web = open_web(plugins=COUNTING, concurrency=1, env={"COUNTING_HANGS_WHILE": str(hang)},
                           config={"worker_proc_alive_timeout": 0.5})
    assert web.live() == 200
    hang.touch()
    children = pathlib.Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    web.until(lambda: web.live() == 503, "dead: no child comes up")
    assert web.ask("/livez")[1] == "no child has come up within worker_proc_alive_timeout\n"
    hang.unlink()
    web.until(lambda: web.live() == 200 and web.ready() == 200, "a child came up")


def test_a_child_that_is_killed_at_its_limit_leaves_it_live(open_web, producer):
    worker, web = open_web(concurrency=1, config={"task_time_limit": 0.3})
    producer.send("demo.sleep", 60)
    web.until(lambda: web.metrics().value("petiole_child_restarts_total", reason="time_limit") == 1,
              "a child that was killed at its limit")
    assert web.live() == 200 and consumes(producer)


# ---- metrics ----------------------------------------------------------------------------


def test_metrics_equal_what_happened(open_web, producer):
    worker, web = open_web()
    for n in range(5):
        producer.send("demo.add", n, n)
    for _ in range(2):
        producer.send("demo.fail", "ValueError", "no")
    labels = {"hostname": "h1", "queue_name": "celery"}
    m = web.until(lambda: (m := web.metrics()).value(
        "celery_task_failed_total", name="demo.fail", exception="ValueError", **labels) == 2
        and m.value("celery_task_succeeded_total", name="demo.add", **labels) == 5 and m, "seven outcomes")
    for what in ("received", "started", "succeeded"):
        assert m.value(f"celery_task_{what}_total", name="demo.add", **labels) == 5
    assert m.value("celery_task_failed_total", name="demo.fail", exception="", **labels) == 0
    assert m.value("celery_task_succeeded_total", name="demo.fail", **labels) == 0
    assert m.value("celery_task_runtime_count", name="demo.add", **labels) == 5
    assert m.value("celery_task_runtime_bucket", name="demo.add", le="+Inf", **labels) == 5
    assert m.value("celery_worker_up", hostname="h1") == 1
    assert m.value("celery_active_process_count", queue_name="celery") == 2
    assert m.value("petiole_messages_taken_total") == 7
    assert m.value("petiole_ready") == 1 and m.value("petiole_children") == 2
    assert len(m.of("petiole_child_rss_bytes")) == 2
    assert m.value("petiole_metrics_refused_total") == 0


def test_queues_are_as_long_as_the_broker_says(open_web, redis_server, producer):
    worker, web = open_web("--prefetch-multiplier", "1", concurrency=1)
    producer.send("demo.sleep", 20)
    redis_server.until(lambda r: not r.llen("celery"), what="it is taken")
    for priority in (0, 0, 5):
        producer.send("demo.add", 1, 1, _options={"priority": priority})

    def length():
        return web.metrics().value("celery_queue_length", queue_name="celery")
    client = redis_server.client()
    waiting = client.llen("celery") + client.llen("celery\x06\x163")
    assert waiting >= 2
    web.until(lambda: length() == waiting, f"{waiting} of them wait")
    worker.signal(signal.SIGQUIT)


# What celery-exporter 0.12 has: its boards ask for these.
EXPORTER = {
    "celery_task_sent": {"name", "hostname", "queue_name"},
    "celery_task_received": {"name", "hostname", "queue_name"},
    "celery_task_started": {"name", "hostname", "queue_name"},
    "celery_task_succeeded": {"name", "hostname", "queue_name"},
    "celery_task_failed": {"name", "hostname", "queue_name", "exception"},
    "celery_task_rejected": {"name", "hostname", "queue_name"},
    "celery_task_revoked": {"name", "hostname", "queue_name"},
    "celery_task_retried": {"name", "hostname", "queue_name"},
    "celery_task_runtime": {"name", "hostname", "queue_name"},
    "celery_worker_up": {"hostname"},
    "celery_worker_tasks_active": {"hostname"},
    "celery_active_worker_count": {"queue_name"},
    "celery_active_process_count": {"queue_name"},
    "celery_queue_length": {"queue_name"},
}


def test_families_and_labels_are_the_exporters(open_web, producer):
    worker, web = open_web()
    consumes(producer)
    m = web.until(lambda: (m := web.metrics()).value("celery_queue_length", queue_name="celery") == 0 and m,
                  "the queue's length is known")
    theirs = {name: family for name, family in m.families.items() if name.startswith("celery_")}
    assert {name: {label for s in family.samples for label in s.labels} - {"le"}
            for name, family in theirs.items()} == EXPORTER
    le = [s.labels["le"] for s in theirs["celery_task_runtime"].samples if "le" in s.labels]
    assert le[:15] == [floatToGoString(b) for b in Histogram.DEFAULT_BUCKETS]


def test_without_compat_there_is_nothing_of_the_exporters(open_web, producer):
    worker, web = open_web("--metrics-compat=off")
    assert consumes(producer)
    m = web.metrics()
    assert not [name for name in m.families if name.startswith("celery_")]
    assert m.value("petiole_messages_taken_total") == 1


def test_handlers_count_across_their_children(open_web, producer):
    worker, web = open_web(plugins=COUNTING, concurrency=2)
    for took in (0.05, 0.7, 100):
        producer.get(producer.send("counting.process", "u\"1\n", took))
    m = web.metrics()
    user = {"user_id": "u\"1\n"}
    assert m.value("memoria_memories_processed_total", status="success", **user) == 3
    seconds = {"task_type": "create", **user}
    assert m.value("memoria_memory_processing_seconds_bucket", le="0.1", **seconds) == 1
    assert m.value("memoria_memory_processing_seconds_bucket", le="1.0", **seconds) == 2
    assert m.value("memoria_memory_processing_seconds_bucket", le="+Inf", **seconds) == 3
    assert m.value("memoria_memory_processing_seconds_sum", **seconds) == 100.75
    assert m.value("memoria_active_memory_tasks", **user) == 0
    assert m.value("memoria_backlog") == 3.5
    assert m.families["memoria_memories_processed"].documentation == "Memories by their outcome."


def test_a_gauge_is_what_it_was_when_a_child_dies(open_web, producer):
    worker, web = open_web(plugins=COUNTING, concurrency=1)
    producer.send("counting.crash")
    m = web.until(lambda: (m := web.metrics()).value("petiole_child_restarts_total", reason="signal") == 1 and m,
                  "the child's end")
    assert m.value("memoria_active_memory_tasks", user_id="crash") == 0


def test_what_is_no_metric_is_refused_and_counted(open_web, producer):
    worker, web = open_web(plugins=COUNTING, concurrency=1)
    producer.get(producer.send("counting.process", "u", 1.0))
    producer.get(producer.send("counting.nonsense"))
    m = web.metrics()
    assert m.value("petiole_metrics_refused_total") == 6
    assert m.value("petiole_ready") == 1
    assert m.value("memoria_backlog") == 1  # set as a gauge, not observed
    assert "bad_" not in m.text
    worker.wait_line("metric memoria_memories_processed_total is not counted: its labels are")


def rss_kb(worker):
    status = pathlib.Path(f"/proc/{worker.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_label_values_without_end_stay_within_bounds(open_web, producer):
    worker, web = open_web(plugins=COUNTING, concurrency=1)
    producer.get(producer.send("counting.process", "u", 1.0))
    web.metrics()
    before = rss_kb(worker)
    producer.get(producer.send("counting.flood", 100_000))
    m = web.metrics()
    assert len(m.of("flood_total")) == 1001 and m.total("flood_total") == 100_000
    assert m.value("flood_total", who="other") == 99_000
    assert m.total("flood_seconds_count") == 100_000
    assert m.value("petiole_metrics_overflow_total", family="flood_total") == 99_000
    assert rss_kb(worker) - before < 12_000
    assert web.ready() == 200


def test_names_of_tasks_without_end_stay_within_bounds(open_web, producer):
    worker, web = open_web("--unknown", "reject", concurrency=1)
    names = [f'x.{n}"\n\\' for n in range(3000)]
    for name in names:
        producer.send(name)
    assert consumes(producer)
    m = web.until(lambda: (m := web.metrics()).value("petiole_messages_taken_total") == 3001 and m, "3,001 taken")
    assert len(m.of("celery_task_received_total")) <= 1001
    assert consumes(producer)


# ---- the page -----------------------------------------------------------------------------


def test_the_page_shows_what_runs_and_escapes_what_failed(open_web, redis_server, producer):
    worker, web = open_web(concurrency=2, config={"task_track_started": True})
    producer.get(producer.send("demo.add", "secret-argument", "s"))
    producer.send("demo.fail", "ValueError", "<script>alert(1)</script>")
    id = producer.send("demo.sleep", 20)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), what="STARTED")
    web.until(lambda: "&lt;script&gt;" in web.ask("/")[1], "a failure on the page")
    status, page, headers = web.ask("/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert id in page and "demo.sleep" in page and "w1@h1" in page
    assert "<script" not in page and "secret-argument" not in page
    assert "http-equiv=refresh" in page and "src=" not in page and "http://" not in page
    worker.signal(signal.SIGQUIT)


def test_no_password_is_told(stage, kind):
    server = stage.redis(requirepass="hunter2")
    worker = stage.worker(kind, server, options=["--http", "127.0.0.1:0"])
    web = Web(worker)
    assert "hunter2" not in web.ask("/")[1] + web.ask("/metrics")[1]


def test_hosts_that_are_not_the_workers_get_neither_page_nor_metrics(open_web):
    worker, web = open_web(env={"PETIOLE_HTTP_HOSTS": "metrics.example, other.example"})
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", "a" * 300):
        for path in ("/", "/metrics"):
            assert web.status(path, headers={"Host": host}) == 421, host
        assert web.status("/livez", headers={"Host": host}) == 200
    for host in ("localhost", "10.1.2.3:9540", "[::1]:9540", "worker", "OTHER.example:1", "metrics.example"):
        assert web.status("/metrics", headers={"Host": host}) == 200, host


# ---- bad requests -------------------------------------------------------------------------


def test_only_get_and_head_are_answered(open_web):
    worker, web = open_web()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"):
        status, body, headers = web.ask("/", method=method)
        assert status == 405 and headers["Allow"] == "GET, HEAD" and body.count("\n") == 1
    assert web.ask("/livez", method="HEAD")[:2] == (200, "")
    assert web.ask("/nothing")[0] == 404
    assert web.ask("/../livez")[0] == 404
    assert web.ask("/livez?verbose=1")[0] == 200


@pytest.mark.parametrize("request_bytes", [
    b"", b"\r\n\r\n", b"GET", b"GET /livez", b"\x00\x01\x02\x03\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /livez HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: " + b"h" * 100_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"b" * 100_000,
], ids=lambda b: b[:24].decode("latin-1") + f"~{len(b)}")
def test_torn_and_oversized_requests_leave_the_worker_as_it_was(open_web, producer, request_bytes):
    worker, web = open_web()
    with web.socket() as s:
        try:
            s.sendall(request_bytes)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed before all was sent
        answer = read_all(s)
    assert not answer.startswith(b"HTTP/1.1 200")
    assert web.live() == 200 and consumes(producer)


def test_pipelined_requests_are_answered_in_order(open_web):
    worker, web = open_web()
    answer = web.say(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 20
                     + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 20 and answer.count(b"HTTP/1.1 404") == 1
    assert answer.rindex(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 404")


def test_slow_clients_are_left_and_keep_nobody_waiting(open_web, producer):
    """Slowloris: a byte now and then, from more connections than there may be."""
    worker, web = open_web()
    slow = [web.socket() for _ in range(60)]
    ended = set()
    def drip():
        for s in set(slow) - ended:
            try:
                s.sendall(b"G")
                s.settimeout(0.001)
                if s.recv(1000) == b"":
                    ended.add(s)
            except TimeoutError:
                pass
            except OSError:
                ended.add(s)
        assert web.live() == 200
        return len(ended) == len(slow)
    web.until(drip, "all slow clients were left", seconds=40)
    assert consumes(producer)
    for s in slow:
        s.close()


def test_a_thousand_connections_do_not_keep_a_probe_out(open_web, producer):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    worker, web = open_web()
    crowd = []
    try:
        for _ in range(1000):
            crowd.append(web.socket())
        assert web.live() == 200 and web.ready() == 200
        assert web.metrics().value("process_open_fds") < 200
        assert consumes(producer)
    finally:
        for s in crowd:
            s.close()
    web.until(lambda: web.metrics().value("process_open_fds") < 60, "they are gone")


def test_clients_that_take_no_answer_cost_bounded_memory(open_web, producer):
    worker, web = open_web(plugins=COUNTING, concurrency=1)
    producer.get(producer.send("counting.flood", 2000))
    assert len(web.metrics().text) > 900_000
    before = rss_kb(worker)
    greedy = [web.socket() for _ in range(50)]
    for s in greedy:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert web.live() == 200
    assert rss_kb(worker) - before < 80_000
    for s in greedy:
        s.close()
    web.until(lambda: len(web.metrics().text) > 900_000, "metrics again")


def test_probes_are_answered_while_the_worker_works(open_web, producer):
    worker, web = open_web()
    ids = producer.send_many("demo.add", [[n, n] for n in range(2000)])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: web.live(), range(400))) == {200}
    web.until(lambda: web.metrics().value("celery_task_succeeded_total", name="demo.add", hostname="h1",
                                          queue_name="celery") == len(ids), "all done")


# ---- where it listens -------------------------------------------------------------------------


def test_it_listens_on_ipv6_and_on_all_addresses(start):
    for address, host in (("[::1]:0", "::1"), (":0", "127.0.0.1"), ("*:0", "127.0.0.1"), ("localhost:0", "localhost")):
        worker = start(options=["--http", address])
        assert Web(worker, host).live() == 200
        assert worker.stop() == 0


def test_the_environment_names_the_address_too(start):
    port = free_port()
    worker = start(env={"PETIOLE_HTTP": f"127.0.0.1:{port}"})
    assert Web(worker, port=port).live() == 200


@pytest.mark.parametrize("address, why", [
    ("9540", "no HOST:PORT"), ("127.0.0.1", "no HOST:PORT"), ("127.0.0.1:99999", "no HOST:PORT"),
    ("::1:9540", "IPv6 address stands in brackets"), ("nowhere.invalid:1", "cannot listen on nowhere.invalid:1"),
    ("192.0.2.1:0", "cannot listen on 192.0.2.1:0"),
])
def test_an_address_that_is_none_is_refused_in_a_line(start, address, why):
    worker = start(options=["--http", address], ready=False)
    worker.wait_line(why)
    assert worker.wait_exit() == 1


def test_a_port_that_is_taken_is_refused_in_a_line(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = start(options=["--http", f"127.0.0.1:{taken.getsockname()[1]}"], ready=False)
        worker.wait_line(r"cannot listen on .*: Address already in use; choose another port")
        assert worker.wait_exit() == 1


def test_hup_listens_anew_on_the_same_port(start, producer):
    port = free_port()
    worker = start(options=["--http", f"127.0.0.1:{port}"])
    web = Web(worker, port=port)
    since = worker.mark()
    worker.signal(signal.SIGHUP)
    worker.wait_line(r"w1@h1 ready\.$", since=since, seconds=30)
    assert web.ready() == 200 and consumes(producer)
    assert worker.stop() == 0
