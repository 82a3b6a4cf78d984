# SPDX-License-Identifier: Apache-2.0
"""The demo plugin's tasks in Python, for a real Celery worker: what petiole's results
are compared with, and what shares queues with it."""

import builtins
import importlib
import json
import os
import signal
import time

import celery.exceptions
from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery
from celery.exceptions import Ignore, Reject

app = Celery("reference", set_as_current=True)
app.conf.broker_connection_retry_on_startup = True
app.conf.update(json.loads(os.environ.get("REFERENCE_CONFIG", "{}")))


@app.task(name="demo.add")
def add(x, y):
    return x + y


@app.task(name="demo.echo")
def echo(value):
    return value


@app.task(name="demo.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="demo.progress", bind=True)
def progress(self, steps, seconds):
    for step in range(1, steps + 1):
        time.sleep(seconds / steps)
        self.update_state(state="PROGRESS", meta={"current": step, "total": steps})
    return steps


class CustomError(Exception):
    pass


def exception_named(kind):
    """As ptl_fail finds it: a builtin, one of Celery's, a dotted path, or our own."""
    module, _, name = kind.rpartition(".")
    if module:
        return getattr(importlib.import_module(module), name)
    for known in (builtins, celery.exceptions):
        if hasattr(known, name):
            return getattr(known, name)
    return {"CustomError": CustomError}[name]


@app.task(name="demo.fail")
def fail(kind, message):
    raise exception_named(kind)(message)


@app.task(name="demo.retry", bind=True, max_retries=None)
def retry(self, times, countdown):
    if self.request.retries < times:
        raise self.retry(countdown=countdown)
    return self.request.retries


@app.task(name="demo.ignore")
def ignore():
    raise Ignore()


@app.task(name="demo.reject", bind=True, acks_late=True)
def reject(self, requeue):
    if requeue and self.request.delivery_info.get("redelivered"):
        return None
    raise Reject(requeue=requeue)


@app.task(name="demo.crash")
def crash(how):
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "abort":
        os.abort()
    elif how == "exit":
        os._exit(3)
    elif how == "oom":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "spin":
        while True:
            try:
                while True:
                    pass
            except SoftTimeLimitExceeded:
                pass
    raise ValueError(f"unknown way to crash: {how}")


app.task(add, name="demo.late_add", acks_late=True)
app.task(sleep, name="demo.late_sleep", acks_late=True, reject_on_worker_lost=True)
app.task(crash, name="demo.late_crash", acks_late=True, reject_on_worker_lost=True)


@app.task(name="ledger.give_up", bind=True)
def ledger_give_up(self, countdown):
    raise self.retry(countdown=countdown)


@app.task(name="ledger.work")
def ledger_work(path, name, milliseconds=0):
    def note(what):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(fd, f"{what} {name}\n".encode())
        os.close(fd)

    note("start")
    time.sleep(milliseconds / 1000)
    note("end")
    return name
