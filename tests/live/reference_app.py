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
from celery import Celery, chain, chord, group, signature
from celery.exceptions import Ignore, Reject

app = Celery("reference", set_as_current=True)
app.conf.broker_connection_retry_on_startup = True
app.conf.update(json.loads(os.environ.get("REFERENCE_CONFIG", "{}")))
if app.conf.security_cert_store:
    app.setup_security(digest=app.conf.security_digest)


@app.task(name="demo.add")
def add(x, y):
    return x + y


@app.task(name="demo.echo")
def echo(value):
    return value


@app.task(name="demo.request", bind=True)
def request_fields(self, names):
    return {name: getattr(self.request, name, None) for name in names}


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


@app.task(name="demo.send", bind=True)
def send(self, task, args=(), kwargs=None, options=None):
    """As apply_async of a task of this worker, else send_task; so does ptl_send."""
    args = tuple(args or ())
    if task in app.tasks:
        return app.tasks[task].apply_async(args, kwargs, **(options or {})).id
    return app.send_task(task, args, kwargs, **(options or {})).id


app.task(send, name="demo.late_send", bind=True, acks_late=True)


@app.task(name="demo.fan_out", trail=False, acks_late=True)
def fan_out(n):
    for i in range(n):
        add.delay(i, i)
    return n


@app.task(name="demo.chain")
def chain_of_adds(x):
    return chain(add.s(x, 1), add.s(2), add.s(3)).apply_async().id


def doubles(n):
    return group([add.s(i, i) for i in range(n)])


@app.task(name="demo.group")
def group_of_doubles(n):
    return doubles(n).apply_async().id


@app.task(name="demo.chord")
def chord_of_doubles(n):
    return chord(doubles(n), xsum.s()).apply_async().id


@app.task(name="demo.apply")
def apply(sig):
    return signature(sig, app=app).apply_async().id


def replace(self, sig):
    return self.replace(signature(sig, app=app))


app.task(replace, name="demo.replace", bind=True)
app.task(replace, name="demo.late_replace", bind=True, acks_late=True)


@app.task(name="demo.add_to_chord", bind=True)
def add_to_chord(self, sig):
    return self.add_to_chord(signature(sig, app=app)).id


@app.task(name="demo.xsum")
def xsum(numbers):
    return sum(numbers)


@app.task(name="printing.print")
def print_text(text):
    print(text)


@app.task(name="demo.retry_with", bind=True)
def retry_with(self, options, times=1, more=None):
    if self.request.retries >= times:
        return self.request.retries
    options = dict(options)
    exc, message = options.pop("exc", None), options.pop("message", None)
    raise self.retry(exc=exc and exception_named(exc)(message), **options)


@app.task(name="demo.fail_with", throws=(LookupError,))
def fail_with(kind, args):
    raise exception_named(kind)(*args)


@app.task(name="demo.reject_for", acks_late=True)
def reject_for(reason="none"):
    raise Reject(reason)


@app.task(name="demo.autoretry", autoretry_for=(OSError, LookupError),
          dont_autoretry_for=(FileNotFoundError, KeyError), retry_backoff=True,
          retry_backoff_max=2, retry_jitter=False, max_retries=2)
def autoretry(kind, message):
    raise exception_named(kind)(message)


@app.task(name="demo.autoretry_soon", autoretry_for=(Exception,), max_retries=2,
          retry_kwargs={"countdown": 0.01})
def autoretry_soon(kind, message):
    raise exception_named(kind)(message)


@app.task(name="demo.quiet", ignore_result=True, store_errors_even_if_ignored=True)
def quiet(kind, message):
    raise exception_named(kind)(message)


@app.task(name="ledger.give_up", bind=True)
def ledger_give_up(self, countdown):
    raise self.retry(countdown=countdown)


def work_and_note(request, path, name, milliseconds):
    def note(what):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        tag = (request.properties or {}).get("delivery_tag", "-")
        os.write(fd, f"{what} {name} {os.getpid()} {request.id} {tag}\n".encode())
        os.close(fd)

    note("start")
    time.sleep(milliseconds / 1000)
    note("end")


@app.task(name="ledger.work", bind=True)
def ledger_work(self, path, name, milliseconds=0):
    work_and_note(self.request, path, name, milliseconds)
    return name


@app.task(name="ledger.step", bind=True)
def ledger_step(self, value, path, name, milliseconds=0):
    work_and_note(self.request, path, name, milliseconds)
    return value + 1 if type(value) is int else value


@app.task(name="ledger.stumble", bind=True)
def ledger_stumble(self, path, name, milliseconds=0):
    work_and_note(self.request, path, name, milliseconds)
    raise ValueError(name)
