# SPDX-License-Identifier: Apache-2.0
"""The worker's memory for each message that waits for its eta, all of them due at one
moment, and how long it then takes until the last has run. Nothing passes or fails by
time."""

import argparse
import datetime
import time

from measure import KINDS, Stage, fill, new_redis, pss_mb, say, table

SLICE = 50_000
WAITING = 100_000
SAY_EVERY_S = 10


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def watch(worker, left, what, until=None):
    """Until `left()` is 0, or `until`; says how it goes on."""
    said = time.monotonic()
    while (n := left()) and (until is None or now() < until):
        if not worker.running():
            raise SystemExit(f"the worker ended: {n:,} {what}")
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            say(f"{n:,} {what}")
        time.sleep(0.05)
    return n


def waiting(kind, n, seconds):
    """Bytes of the worker for each waiting message, seconds until all were taken, and
    seconds from the eta to the last result."""
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        worker = stage.worker(KINDS[kind], server, broker=server.socket_url(), config={})
        before, keys = pss_mb(worker), client.dbsize()
        begun = now()
        due = begun + datetime.timedelta(seconds=seconds)
        for first in range(0, n, SLICE):
            fill(client, min(SLICE, n - first), first, eta=due.isoformat())
            watch(worker, lambda: max(0, client.llen("celery") - WAITING), f"too many in the queue of {kind}", due)
            if first * 10 // n != (first + SLICE) * 10 // n:
                say(f"{kind}: {client.hlen('unacked'):,} of {n:,} wait after "
                    f"{(now() - begun).total_seconds():.0f} s, PSS {pss_mb(worker):,.1f} MB")
        left = watch(worker, lambda: client.llen("celery"), f"not taken by {kind}", due)
        if left or now() >= due:
            raise SystemExit(f"{kind} had not taken all {n:,} by the eta: give more --seconds")
        taken_s, bytes_each = (now() - begun).total_seconds(), (pss_mb(worker) - before) * 1024 * 1024 / n
        say(f"{kind}: all {n:,} wait after {taken_s:.0f} s, {bytes_each:,.0f} bytes each")
        # Each result is a key, and every message was acknowledged once `unacked` is gone.
        watch(worker, lambda: max(client.hlen("unacked"), n + keys - client.dbsize()), f"not yet run by {kind}")
        late_s = (now() - due).total_seconds()
        return bytes_each, taken_s, late_s, pss_mb(worker) - before
    finally:
        stage.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--celery-tasks", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=300, help="until the eta")
    parser.add_argument("--celery-seconds", type=int, default=60)
    options = parser.parse_args()
    ours = waiting("petiole", options.tasks, options.seconds)
    theirs = waiting("celery", options.celery_tasks, options.celery_seconds)
    names = ["bytes for each that waits", "until all were taken, s", "from the eta to the last, s",
             "PSS afterwards above the start, MB"]
    forms = ["{:,.0f}", "{:,.1f}", "{:,.1f}", "{:,.1f}"]
    table([["", f"petiole, {options.tasks:,}", f"Celery, {options.celery_tasks:,}"],
           *([name, form.format(a), form.format(b)] for name, form, a, b in zip(names, forms, ours, theirs))])


if __name__ == "__main__":
    main()
