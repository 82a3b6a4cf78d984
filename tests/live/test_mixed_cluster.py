# SPDX-License-Identifier: Apache-2.0
"""Python workers and petiole's as one cluster, with gossip and mingle: members die, come back
and start anew, and nobody has anything to complain of."""

import json
import re
import subprocess

import pytest

from actors.worker import PYTHON, clean_environment

NODES = {"p1@py": "new", "p2@py": "new", "c1@c": "petiole", "c2@c": "petiole"}
COMPLAINTS = re.compile(r"Traceback|ERROR|CRITICAL|[Ee]xception|Error\b")


class Cluster:
    def __init__(self, stage, kind, redis):
        self.stage, self.redis = stage, redis
        self.kinds = {node: kind if k == "petiole" else k for node, k in NODES.items()}
        self.workers, self.all = {}, []

    def start(self, *nodes):
        for node in nodes:
            self.workers[node] = self.stage.worker(self.kinds[node], self.redis, hostname=node, sociable=True,
                                                   concurrency=1, ready=False)
            self.all.append(self.workers[node])
        for node in nodes:
            self.workers[node].wait_ready(60)

    def celery(self, *command):
        return subprocess.run([PYTHON["new"], "-m", "celery", "-b", self.redis.url(), *command],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)

    def status(self):
        """The nodes that `celery status` sees, and what it ends with."""
        done = self.celery("status", "--timeout", "2")
        return set(re.findall(r"^->  (\S+): OK$", done.stdout.replace("\x1b[0m", ""), re.M)) or \
            set(re.findall(r"(\w+@\w+): OK", re.sub(r"\x1b\[[\d;]*m", "", done.stdout))), done

    def complaints(self):
        return [f"{worker.name}: {line}" for worker in self.all for line in worker.lines if COMPLAINTS.search(line)]


@pytest.fixture
def cluster(stage, kind, redis_server):
    return Cluster(stage, kind, redis_server)


def sees(cluster, *nodes):
    found, done = cluster.status()
    assert found == set(nodes), done.stdout + done.stderr
    assert f"{len(nodes)} node{'s' if len(nodes) > 1 else ''} online." in done.stdout


def test_members_die_come_back_and_start_anew_without_complaint(cluster, producer):
    cluster.start(*NODES)
    sees(cluster, *NODES)
    cluster.workers["c2@c"].wait_line(r"mingle: (sync|all alone|searching)", 20)

    for node in ("p1@py", "c1@c"):
        cluster.workers.pop(node).kill()
    sees(cluster, "p2@py", "c2@c")

    for node in ("p2@py", "c2@c"):
        assert cluster.workers.pop(node).stop() == 0
        cluster.start(node)
    sees(cluster, "p2@py", "c2@c")

    cluster.start("p1@py", "c1@c")
    sees(cluster, *NODES)
    ids = [producer.send("demo.add", n, n) for n in range(40)]
    assert [producer.get(id)["value"] for id in ids] == [2 * n for n in range(40)]

    for worker in cluster.workers.values():
        assert worker.stop() == 0
    assert not cluster.complaints()


@pytest.mark.parametrize("knows, learns", [("p1@py", "c1@c"), ("c1@c", "p1@py"), ("c1@c", "c2@c")])
def test_who_starts_learns_from_the_others_what_is_revoked(cluster, knows, learns):
    cluster.start(knows)
    revoked = "0f0f0f0f-0000-4000-8000-000000000001"
    assert cluster.celery("control", "revoke", revoked).returncode == 0
    cluster.workers[knows].wait_line(rf"Tasks flagged as revoked: {revoked}", 20)
    cluster.start(learns)
    done = cluster.celery("inspect", "--json", "revoked")
    assert json.loads(done.stdout)[learns] == [revoked], done.stdout + done.stderr
    assert not cluster.complaints()
