# SPDX-License-Identifier: Apache-2.0
"""Flower with a worker under it, used as a person uses it: every page looked at, every
button clicked. The pictures are kept in .cache/artefacts/flower."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from actors.browser import Browser, is_there
from actors.process import Process
from actors.redis_server import free_port
from actors.worker import LIVE, ROOT, clean_environment

FLOWER = ROOT / ".cache/python-flower/bin/celery"
NODE = "w1@h1"
CONFIG = {"worker_pool_restarts": True, "task_track_started": True}

pytestmark = pytest.mark.skipif(not is_there() or not FLOWER.exists(),
                                reason="needs chromium, chromium-driver and Flower: scripts/setup test")


class Flower:
    """Flower, the browser before it, and the worker it shows. It has an application, as users'
    Flower has: without one it knows no task whose limits it would set."""

    def __init__(self, stage, kind, client):
        self.stage, self.kind, self.client = stage, kind, client
        self.redis = stage.redis()
        self.start_worker()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.flower = stage.process(Process(
            [FLOWER, "-A", "reference_app", "-b", self.redis.url(), "flower", "--address=127.0.0.1", f"--port={port}",
             "--inspect-timeout=2000"],
            name="flower", cwd=stage.path(""), env={**clean_environment(), "FLOWER_UNAUTHENTICATED_API": "true", "PYTHONPATH": str(LIVE)}))
        self.flower.wait_line("Visit me at", 30)
        self.flower.wait_line("Connected to redis", 30)
        self.browser = Browser(stage, stage.path("profile"))

    def start_worker(self):
        self.worker = self.stage.worker(self.kind, self.redis, hostname=NODE, config=CONFIG, options=["-E"])

    def connect(self):
        self.client.connect(self.redis.url(), self.redis.url(), task_send_sent_event=True)

    def send(self, *args, **kwargs):
        return self.client.send(*args, **kwargs)

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
            return json.load(answer)

    def post(self, path, **form):
        urllib.request.urlopen(f"{self.url}{path}", urllib.parse.urlencode(form).encode(), timeout=20).close()

    def shown_task(self, id, **wanted):
        """Until Flower knows so much of the task."""
        def known():
            try:
                info = self.get(f"/api/task/info/{id}")
            except urllib.error.HTTPError:
                return None
            return info if all(info.get(k) == v for k, v in wanted.items()) else None

        return self.redis.until(lambda _: known(), what=f"Flower knows of {id}: {wanted}")

    def open_worker(self, tab):
        """The worker's page as it is now: Flower asks the worker anew."""
        self.get(f"/api/workers?refresh=1&workername={NODE}")
        self.browser.open(f"{self.url}/worker/{NODE}")
        self.browser.click(f"#worker-tab-{tab}")
        self.browser.until("return document.querySelector(a).classList.contains('show')", f"#tab-{tab}")

    def table(self, caption):
        """Rows of the table of that caption, as lists of cells."""
        return self.browser.run(
            "const t = [...document.querySelectorAll('table')].find(t => t.caption && "
            "t.caption.textContent.trim() === arguments[0]);"
            "return t && [...t.tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent.trim()))", caption)

    def values(self, caption):
        return {row[0]: row[1] for row in self.table(caption)}

    def alert(self, pattern):
        return self.browser.wait_text(".toast", pattern)

    def picture(self, name):
        self.browser.picture(ROOT / f".cache/artefacts/flower/{self.kind}-{name}.png")


@pytest.fixture(scope="module")
def whole(reference_stage, kind, clients):
    flower = Flower(reference_stage, kind, clients["new"])
    yield flower
    flower.browser.close()


@pytest.fixture
def flower(whole):
    whole.connect()
    yield whole
    said = [line for line in whole.flower.lines if re.search(r"Traceback|ERROR|'\w+' inspect method failed", line)]
    assert not said
    assert not [line for line in whole.browser.complaints() if "favicon" not in line]
    assert not whole.worker.alarms()


def test_the_page_of_workers_shows_it_online_with_its_counts(flower):
    before = flower.redis.until(lambda _: flower.get("/workers?json=1")["data"], what="the worker is known")[0]
    for call in (("demo.add", 1, 2), ("demo.add", 3, 4), ("demo.fail", "ValueError", "wrong")):
        flower.client.get(flower.send(*call))
    running = flower.send("demo.sleep", 3)
    flower.shown_task(running, state="STARTED")
    flower.browser.open(f"{flower.url}/workers")
    row = flower.browser.until(
        "const r = [...document.querySelectorAll('#workers-table tbody tr')].find(r => r.innerText.includes(a));"
        "const t = r && [...r.cells].map(c => c.innerText.trim()); return t && t[2] === '1' && t", NODE)
    flower.picture("workers")
    assert row[0] == NODE and row[1] == "Online"
    received, failed, succeeded = (int(before.get(f"task-{name}") or 0) for name in ("received", "failed", "succeeded"))
    assert row[3:6] == [str(received + 4), str(failed + 1), str(succeeded + 2)]
    assert re.fullmatch(r"[\d.]+\s[\d.]+\s[\d.]+", row[6])
    flower.client.get(running)


def test_each_tab_of_its_page(flower):
    running = flower.send("demo.sleep", 30)
    waiting = flower.send("demo.add", 1, 2, _options={"countdown": 600})
    flower.shown_task(running, state="STARTED")
    flower.shown_task(waiting, state="RECEIVED")
    flower.open_worker("pool")
    pool = flower.values("Worker pool options")
    assert pool["Max concurrency"] == "2" and len(re.findall(r"\d+", pool["Processes"])) == 2
    assert pool["Worker PID"] == str(flower.worker.pid) and int(pool["Prefetch Count"]) >= 8
    flower.picture("tab-pool")
    flower.open_worker("broker")
    broker = flower.values("Broker options")
    assert broker["Hostname"] == "127.0.0.1" and broker["Transport"] == "redis"
    flower.picture("tab-broker")
    flower.open_worker("queues")
    assert [row[:4] for row in flower.table("Active queues")] == [["celery", "False", "True", "celery"]]
    flower.picture("tab-queues")
    flower.open_worker("tasks")
    assert int(flower.values("Processed tasks")["demo.sleep"]) >= 1
    (name, id, *_, args, kwargs), = flower.table("Active tasks")
    assert (name, id[:36], args, kwargs) == ("demo.sleep", running, "[30]", "{}")
    (name, id, args, kwargs), = flower.table("Scheduled tasks")
    assert (name, id[:36], args, kwargs) == ("demo.add", waiting, "[1, 2]", "{}")
    flower.picture("tab-tasks")
    flower.open_worker("limits")
    assert {"demo.add", "demo.sleep"} <= {row[0] for row in flower.table("Task limits")}
    flower.picture("tab-limits")
    flower.open_worker("config")
    assert flower.values("Configuration options")["worker_pool_restarts"] == "True"
    flower.picture("tab-config")
    flower.open_worker("system")
    assert {"utime", "stime", "maxrss"} <= set(flower.values("System usage statistics"))
    flower.picture("tab-system")
    flower.open_worker("other")
    assert "uptime" in flower.values("Other statistics")
    flower.picture("tab-other")
    for id in (running, waiting):
        flower.post(f"/api/task/revoke/{id}", terminate="true")


def processes(flower):
    flower.open_worker("pool")
    return len(re.findall(r"\d+", flower.values("Worker pool options")["Processes"]))


def test_the_pool_grows_and_shrinks(flower):
    before = processes(flower)
    flower.browser.type("#pool-size", 2)
    flower.browser.click("#worker-pool-grow")
    assert "Growing" in flower.alert("pool")
    flower.redis.until(lambda _: processes(flower) == before + 2, what="two processes more")
    flower.picture("pool-grown")
    flower.browser.type("#pool-size", 2)
    flower.browser.click("#worker-pool-shrink")
    assert "Shrinking" in flower.alert("Shrinking")
    flower.redis.until(lambda _: processes(flower) == before, what="two processes less")


def test_a_pool_without_autoscaler_says_so(flower):
    flower.open_worker("pool")
    flower.browser.type("#min-autoscale", 1)
    flower.browser.type("#max-autoscale", 3)
    flower.browser.click("#worker-pool-autoscale")
    assert "Autoscale not enabled" in flower.alert("[Aa]utoscal")
    assert [line for line in flower.browser.complaints() if "403" in line]


def test_the_pool_is_restarted(flower):
    flower.open_worker("pool")
    before = flower.values("Worker pool options")["Processes"]
    flower.browser.click("#worker-group")
    flower.browser.click("#worker-pool-restart")
    assert "Restarting" in flower.alert("pool")

    def others():
        flower.open_worker("pool")
        now = flower.values("Worker pool options")["Processes"]
        return now and not set(re.findall(r"\d+", now)) & set(re.findall(r"\d+", before))

    if flower.kind == "petiole":  # a Python worker keeps its processes, unlike what it says
        flower.redis.until(lambda _: others(), what="other processes")
    assert flower.client.get(flower.send("demo.add", 1, 2))["value"] == 3


def test_a_consumer_is_added_and_cancelled(flower):
    flower.open_worker("queues")
    flower.browser.type("#add-consumer-name", "extra")
    flower.browser.click("#worker-add-consumer")
    assert "add consumer extra" in flower.alert("extra")
    assert flower.client.get(flower.send("demo.add", 1, 2, _options={"queue": "extra"}))["value"] == 3
    flower.open_worker("queues")
    assert [row[0] for row in flower.table("Active queues")] == ["celery", "extra"]
    flower.picture("consumer-added")
    flower.browser.click("#worker-cancel-consumer-extra")
    assert "no longer consuming from extra" in flower.alert("no longer")
    flower.open_worker("queues")
    assert [row[0] for row in flower.table("Active queues")] == ["celery"]


def limits_row(task):
    return (f"const r = [...document.querySelectorAll('#limits-table tr')].find(r => "
            f"r.cells[0].innerText.split(' ')[0] === '{task}'); r.id = 'wanted'; return true")


def test_a_rate_limit_is_set(flower):
    flower.open_worker("limits")
    flower.browser.run(limits_row("demo.echo"))
    flower.browser.type("#wanted td:nth-child(2) input", 7)
    flower.browser.click("#wanted td:nth-child(2) button")
    assert "new rate limit set successfully" in flower.alert("rate limit")
    flower.open_worker("limits")
    flower.picture("rate-limit-set")
    assert any(re.match(r"demo\.echo \[rate_limit=7(/s)?\]", row[0]) for row in flower.table("Task limits"))


def test_time_limits_are_set(flower):
    for kind, place, exceeded in (("soft", "soft", "SoftTimeLimitExceeded"), ("hard", "hard", "TimeLimitExceeded")):
        flower.open_worker("limits")
        flower.browser.run(limits_row("demo.sleep"))
        flower.browser.type("#wanted td:nth-child(3) input", 1)
        flower.browser.click(f"#task-timeout-{place}-demo\\.sleep")
        assert "time limits set successfully" in flower.alert("limits")
        if flower.kind == "petiole":  # a Python worker says so and keeps to the limits of its start
            assert flower.client.get(flower.send("demo.sleep", 20))["raised"] == exceeded
    flower.picture("time-limits-set")


def rows_of_tasks(flower, *ids):
    """The table of tasks, as soon as it has all of them."""
    rows = flower.browser.until(
        "const r = [...document.querySelectorAll('#tasks-table tbody tr')].map(r => r.innerText);"
        "return a.every(id => r.some(t => t.includes(id))) && r", [id for id in ids])
    return rows


def short(id):
    return id[:8]


def test_the_page_of_tasks_filters_by_state_and_by_search(flower):
    good = flower.send("demo.add", 20, 22)
    bad = flower.send("demo.fail", "ValueError", "needle")
    flower.client.get(good), flower.client.get(bad)
    flower.shown_task(good, state="SUCCESS"), flower.shown_task(bad, state="FAILURE")
    flower.browser.open(f"{flower.url}/tasks")
    rows_of_tasks(flower, short(good), short(bad))
    flower.picture("tasks")
    flower.browser.click("[data-task-state='FAILURE']")
    flower.browser.until("const t = document.querySelector('#tasks-table tbody').innerText;"
                         "return t.includes(a) && !t.includes(b)", short(bad), short(good))
    flower.picture("tasks-failed")
    flower.browser.click("[data-task-state='SUCCESS']")
    flower.browser.until("const t = document.querySelector('#tasks-table tbody').innerText;"
                         "return t.includes(b) && !t.includes(a)", short(bad), short(good))
    flower.browser.click("[data-task-state='']")
    flower.browser.type("#tasks-table_filter input, .dt-search input", "name:demo.fail")
    flower.browser.until("const t = document.querySelector('#tasks-table tbody').innerText;"
                         "return t.includes(a) && !t.includes(b)", short(bad), short(good))


def details(flower, id, state):
    """The fields of a task's page, once it has this state."""
    flower.shown_task(id, state=state)
    flower.browser.open(f"{flower.url}/task/{id}")
    return flower.browser.run(
        "return Object.fromEntries([...document.querySelectorAll('.detail-row')].map("
        "r => [r.querySelector('dt').innerText.trim(), r.querySelector('dd').innerText.trim()]))")


def test_the_page_of_a_task_that_succeeded(flower):
    id = flower.send("demo.add", 20, 22)
    flower.client.get(id)
    found = details(flower, id, "SUCCESS")
    flower.picture("task-succeeded")
    assert found["Name"] == "demo.add" and found["UUID"].startswith(id) and found["Status"] == "SUCCESS"
    assert found["Arguments"] == "[20, 22]" and found["Keyword arguments"] == "{}" and found["Result"] == "42"
    assert found["Worker"] == NODE
    assert {"Received", "Started", "Succeeded", "Timestamp", "Runtime", "Root id"} <= set(found)


def test_the_page_of_a_task_that_failed(flower):
    id = flower.send("demo.fail", "ValueError", "wrong")
    flower.client.get(id)
    found = details(flower, id, "FAILURE")
    flower.picture("task-failed")
    assert found["Exception"] == "ValueError('wrong')"
    assert re.search(r"Traceback \(most recent call last\):\n(.*\n)+ValueError: wrong", found["Traceback"])


def test_a_task_that_waits_is_revoked_by_its_button(flower):
    id = flower.send("demo.add", 1, 2, _options={"countdown": 3})
    details(flower, id, "RECEIVED")
    flower.browser.click("#task-revoke")
    assert "Revoked" in flower.alert(id)
    assert flower.client.get(id)["raised"] == "TaskRevokedError"
    assert details(flower, id, "REVOKED")["Status"] == "REVOKED"
    flower.picture("task-revoked")


def test_a_task_that_runs_is_terminated_by_its_button(flower):
    id = flower.send("demo.echo", 0) and flower.send("demo.progress", 1, 60)
    details(flower, id, "STARTED")
    flower.picture("task-running")
    flower.browser.click("#task-terminate")
    assert "Revoked" in flower.alert(id)
    assert flower.client.get(id)["raised"] == "TaskRevokedError"
    assert details(flower, id, "REVOKED")["Status"] == "REVOKED"
    assert flower.client.get(flower.send("demo.add", 1, 2))["value"] == 3


def test_the_page_of_the_broker_shows_its_queues(flower):
    flower.browser.open(f"{flower.url}/broker")
    assert "celery" in flower.browser.wait_text("table", "celery")
    flower.picture("broker")


def test_the_worker_is_shut_down_and_comes_back(flower):
    flower.open_worker("pool")
    flower.browser.click("#worker-group")
    flower.browser.click("#worker-shutdown")
    assert "Shutting down" in flower.alert("[Ss]hutting")
    assert flower.worker.wait_exit() == 0
    flower.browser.open(f"{flower.url}/workers")
    status = "const r = [...document.querySelectorAll('#workers-table tbody tr')].find(r => r.innerText.includes(a));" \
             "return r && r.cells[1].innerText.trim() === b"
    flower.browser.until(status, NODE, "Offline")
    flower.picture("worker-offline")
    flower.start_worker()
    flower.browser.until(status, NODE, "Online")
