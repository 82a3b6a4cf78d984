# SPDX-License-Identifier: Apache-2.0
"""What a client command costs whoever runs it: wall time and processor time of `petiole
status` and `petiole inspect ping` beside `celery status` and `celery inspect ping`, which
ask the same two workers, one of each kind, in the same run."""

import argparse
import os
import statistics

from measure import Stage, new_redis, run, table
from actors.worker import PETIOLE, PYTHON

COMMANDS = {
    "status": ["status"],
    "inspect ping": ["inspect", "ping"],
    "inspect ping, one node": ["inspect", "-d", "w1@h1", "ping"],
    "inspect ping, nobody there": ["inspect", "-d", "nobody@h", "ping"],
}
NOBODY = 69


def measure(clients, url, rounds, calls):
    """{(command, client): [processor ms, ms]}, alternating: medians of the rounds' medians."""
    seen = {(command, client): [] for command in COMMANDS for client in clients}
    for _ in range(rounds):
        for command, client in seen:
            argv = [*clients[client], "-b", url, *COMMANDS[command]]
            code = NOBODY if "nobody" in command else 0
            times = [run(argv, code) for _ in range(calls[client])]
            seen[command, client].append([statistics.median(column) for column in zip(*times)])
    return {key: [statistics.median(column) for column in zip(*rows)] for key, rows in seen.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=10, help="of each command of petiole in a round")
    parser.add_argument("--celery-calls", type=int, default=2)
    options = parser.parse_args()
    clients = {"petiole": [PETIOLE], "celery": [PYTHON["new"], "-m", "celery"]}
    stage = Stage()
    try:
        server = new_redis(stage)
        stage.worker("petiole", server, hostname="w1@h1")
        stage.worker("new", server, hostname="w2@h2")
        found = measure(clients, server.url(), options.rounds,
                        {"petiole": options.calls, "celery": options.celery_calls})
    finally:
        stage.close()
    rows = [["command", "petiole ms", "celery ms", "ratio", "petiole processor ms", "celery processor ms", "ratio"]]
    for command in COMMANDS:
        (cpu, ms), (celery_cpu, celery_ms) = (found[command, client] for client in clients)
        rows.append([command, f"{ms:,.1f}", f"{celery_ms:,.0f}", f"{celery_ms / ms:,.0f} x",
                     f"{cpu:,.1f}", f"{celery_cpu:,.0f}", f"{celery_cpu / cpu:,.0f} x"])
    table(rows)
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
