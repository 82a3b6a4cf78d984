# SPDX-License-Identifier: Apache-2.0
"""What a message costs Redis while N workers wait for one queue: processor time and
commands a message, beside the same with one worker, less what waiting alone costs."""

import argparse
import json
import time

from measure import Stage, cpu_us, new_redis, table, wire


def commands(client):
    return sum(c["calls"] for c in client.info("commandstats").values())


def spend(server, client, seconds, rate):
    """(microseconds of Redis, commands) while `rate` messages a second are sent."""
    begun_us, begun = cpu_us(server.process.pid), commands(client)
    start, sent = time.monotonic(), 0
    while (now := time.monotonic()) < start + seconds:
        if rate and sent < (now - start) * rate:
            client.lpush("celery", json.dumps(wire.envelope("demo.echo", (None,))))
            sent += 1
        else:
            time.sleep(0.001)
    return cpu_us(server.process.pid) - begun_us, commands(client) - begun, sent


def measure(workers, seconds, rate):
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        for n in range(workers):
            stage.worker("petiole", server, ready=False, hostname=f"w{n}@h", concurrency=1,
                         broker=server.socket_url(), loglevel="WARNING")
        while client.hlen("petiole.nodes") < workers or client.info("clients")["blocked_clients"] < 4 * workers:
            time.sleep(0.05)
        idle_us, idle, _ = spend(server, client, seconds, 0)
        busy_us, busy, sent = spend(server, client, seconds, rate)
        return {"idle": idle_us / seconds, "us": (busy_us - idle_us) / sent,
                "commands": (busy - idle) / sent, "clients": client.info("clients")["connected_clients"]}
    finally:
        stage.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=int, default=100)
    options = parser.parse_args()
    rows = [["workers", "us of Redis a message", "commands a message", "idle, us of Redis a second", "connections"]]
    for workers in (1, options.workers):
        m = measure(workers, options.seconds, options.rate)
        rows.append([str(workers), f"{m['us']:,.0f}", f"{m['commands']:.1f}", f"{m['idle']:,.0f}", str(m["clients"])])
    table(rows)


if __name__ == "__main__":
    main()
