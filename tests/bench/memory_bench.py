# SPDX-License-Identifier: Apache-2.0
"""The worker's memory over many no-op tasks. The queue is filled while the worker drains
it, and results are removed once they are old, so that Redis never holds more than a few
slices. Nothing passes or fails by time."""

import argparse
import time

from measure import Stage, fill, new_redis, pss_mb, say, table, task_id, worker_options

SLICE = 20_000
WAITING = 100_000
# A slice is done when so many were taken after it: the worker holds far fewer.
LATER = WAITING // SLICE + 2


def remove_results(client, first, n):
    """How many there were."""
    return sum(client.unlink(*(f"celery-task-meta-{task_id(i)}" for i in range(start, min(first + n, start + 1000))))
               for start in range(first, first + n, 1000))


def wait_until(client, holds, worker, what, deadline_s=120):
    begun = time.monotonic()
    while not holds():
        if not worker.running():
            raise SystemExit(f"the worker ended while {what}")
        if time.monotonic() - begun > deadline_s:
            raise SystemExit(f"nothing moved within {deadline_s} s while {what}")
        time.sleep(0.01)


def flat(tasks):
    """Rows of (tasks done, PSS in MB), at the start and at every tenth."""
    stage = Stage()
    try:
        server = new_redis(stage)
        client = server.client()
        worker = stage.worker("petiole", server, broker=server.socket_url(), **{**worker_options(
            "petiole", config={"task_acks_late": True, "worker_prefetch_multiplier": 64}),
            "loglevel": "INFO", "ready": True})
        sizes = [(0, pss_mb(worker))]
        begun, results, removed = time.monotonic(), 0, 0
        for first in range(0, tasks, SLICE):
            n = min(SLICE, tasks - first)
            fill(client, n, first)
            wait_until(client, lambda: client.llen("celery") <= WAITING - SLICE, worker, "draining")
            if first + SLICE - removed > LATER * SLICE:
                results += remove_results(client, removed, SLICE)
                removed += SLICE
            done = first + n - client.llen("celery")
            if done * 10 // tasks >= len(sizes):
                sizes.append((done, pss_mb(worker)))
                say(f"{done:,} of {tasks:,} taken after {time.monotonic() - begun:.0f} s, "
                    f"PSS {sizes[-1][1]:.2f} MB")
        wait_until(client, lambda: not client.exists("celery", "unacked"), worker, "ending")
        seconds = time.monotonic() - begun
        results += remove_results(client, removed, tasks - removed)
        if results != tasks:
            raise SystemExit(f"{results} results of {tasks} tasks")
        return [*sizes, (tasks, pss_mb(worker))], seconds
    finally:
        stage.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000_000)
    options = parser.parse_args()
    sizes, seconds = flat(options.tasks)
    table([["no-op tasks", "PSS, MB"], *([f"{n:,}", f"{mb:.2f}"] for n, mb in sizes)])
    print(f"\n{options.tasks:,} tasks in {seconds:,.0f} s, each with its result, "
          "the filling of the queue included.")


if __name__ == "__main__":
    main()
