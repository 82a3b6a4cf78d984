# SPDX-License-Identifier: Apache-2.0
"""What a liveness probe costs: processor time of the program that asks, and of the worker
that answers, a call: /livez by curl, by a shell-less http.client and on a connection that
stays, of a petiole worker; beside `celery inspect ping` of a Celery worker in the same run."""

import argparse
import http.client
import os
import statistics
import subprocess
import time

from measure import Stage, cpu_us, new_redis, run, table
from actors.worker import PYTHON


class Kept:
    """One connection for all calls, as a kubelet or Prometheus may keep it."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def __call__(self):
        before, start = time.process_time(), time.perf_counter()
        self.connection.request("GET", "/livez")
        assert self.connection.getresponse().read() == b"ok\n"
        return (time.process_time() - before) * 1000, (time.perf_counter() - start) * 1000


def measure(ways, rounds):
    """{way: (processor ms of the caller, ms, processor µs of the worker)}, alternating."""
    seen = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (worker, call, times) in ways.items():
            before = cpu_us(worker.pid)
            calls = [call() for _ in range(times)]
            worker_us = (cpu_us(worker.pid) - before) / times
            seen[way].append((statistics.median(c[0] for c in calls), statistics.median(c[1] for c in calls),
                              worker_us))
    return {way: [statistics.median(column) for column in zip(*rows)] for way, rows in seen.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=20, help="of each way in a round; a tenth of celery's")
    options = parser.parse_args()
    stage = Stage()
    try:
        server = new_redis(stage)
        url = server.url()
        worker = stage.worker("petiole", server, options=["--http", "127.0.0.1:0"])
        celery = stage.worker("new", server, hostname="w2@h2")
        port = int(worker.wait_line(r"HTTP: .*:(\d+)/$").group(1))
        livez = f"http://127.0.0.1:{port}/livez"
        client = f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}); " \
                 "c.request('GET', '/livez'); exit(c.getresponse().status != 200)"
        ping = [PYTHON["new"], "-m", "celery", "-b", url, "inspect", "-d", celery.hostname, "ping"]
        petiole = [worker.argv[0], "inspect", "-b", url, "-d", worker.hostname, "ping"]
        ways = {
            "/livez, connection kept": (worker, Kept(port), options.calls * 10),
            "/livez, curl": (worker, lambda: run(["curl", "-sf", livez]), options.calls),
            "/livez, python http.client": (worker, lambda: run([PYTHON["new"], "-c", client]), options.calls),
            "celery inspect ping": (celery, lambda: run(ping), max(1, options.calls // 10)),
        }
        if subprocess.run(petiole, capture_output=True).returncode == 0:
            ways["petiole inspect ping"] = (worker, lambda: run(petiole), options.calls)
        found = measure(ways, options.rounds)
    finally:
        stage.close()
    rows = [["probe", "ms of processor, who asks", "ms, call to answer", "µs of processor, who answers"]]
    for way, (cpu, ms, worker_us) in found.items():
        rows.append([way, f"{cpu:,.2f}", f"{ms:,.2f}", f"{worker_us:,.0f}"])
    table(rows)
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
