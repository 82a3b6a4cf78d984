# SPDX-License-Identifier: Apache-2.0
"""What Celery's canvas asks of the world, written down instead of done.

Nothing leaves the process: send_task, the chord's counters and its saved header are
replaced, and ids are counted: id-N while a client composes, new-N in a worker.
"""
import contextlib
import json
import uuid
import warnings

import celery._state
import celery.app.base
import celery.canvas
from celery import Celery, chain, chord, group, signature
from celery.backends.asynchronous import AsyncBackendMixin
from celery.backends.redis import RedisBackend
from kombu.utils.json import dumps

warnings.simplefilter("ignore")
app = Celery("canvas", broker="memory://", backend="redis://localhost:1/")
app.set_current()
app.finalize()
REPLY_TO = "worker"
app.__class__.thread_oid = REPLY_TO
AsyncBackendMixin.add_pending_result = lambda self, result, *a, **k: result
for task in app.tasks.values():
    task._exec_options = {}


def plain(value):
    """As it arrives; stamped_headers comes out of a set, in no order."""
    return json.loads(dumps(value), object_hook=lambda d: {
        k: sorted(v) if k == "stamped_headers" else v for k, v in d.items()})


class Ids:
    def __init__(self):
        self.start("id")

    def start(self, prefix):
        self.prefix, self.n = prefix, 0

    def next(self):
        self.n += 1
        return f"{self.prefix}-{self.n}"


ids = Ids()
celery.canvas.uuid = celery.app.base.uuid = ids.next


class Recorder:
    """Stands on Celery's stack as the running task, and is where its calls arrive."""

    def __init__(self):
        self.events, self.trail = [], []
        self.request = type("Request", (), {"called_directly": False})

    def add_trail(self, result):
        self.trail.append(plain(result.as_tuple()))

    def send_task(self, name, args=None, kwargs=None, task_id=None, producer=None,
                  add_to_parent=True, route_name=None, result_cls=None, task_type=None,
                  **options):
        task_id = task_id or ids.next()
        if isinstance(route_name, dict):  # a map off the wire: its name is meant
            route_name = route_name["task"]
        options = {k: v for k, v in options.items() if v is not None}
        if task_type is not None and options.get("ignore_result") is False:
            del options["ignore_result"]  # the built-in task's own
        self.events.append(plain(
            ["call", name, route_name, args or [], kwargs or {},
             {"task_id": task_id, **options}]))
        result = app.AsyncResult(task_id)
        if add_to_parent:
            self.add_trail(result)
        return result

    def set_chord_size(self, group_id, size):
        self.events.append(["size", group_id, size])

    def add_to_chord(self, group_id, result):
        self.events.append(["grow", group_id])

    def set_chord_key(self, key, document):
        group_id = key.decode().removeprefix("celery-taskset-meta-")
        self.events.append(["group", group_id, json.loads(document)])


@contextlib.contextmanager
def recording(prefix):
    recorder = Recorder()
    ids.start(prefix)
    app.send_task = recorder.send_task
    app.backend.set_chord_size = recorder.set_chord_size
    app.backend.add_to_chord = recorder.add_to_chord
    RedisBackend._set_chord_key = lambda self, *a: recorder.set_chord_key(*a)
    celery._state._task_stack.push(recorder)
    try:
        yield recorder
    finally:
        celery._state._task_stack.pop()


class Renaming:
    """Made ids are counted in the order in which the record names them."""

    def __init__(self):
        self.names = {}

    def of(self, value):
        if isinstance(value, dict):
            return {k: self.of(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.of(v) for v in value]
        if isinstance(value, str) and value.startswith("new-"):
            return self.names.setdefault(value, f"new-{len(self.names) + 1}")
        return value


def applied_id(result):
    return None if result is None else result.id


def record(run):
    """Runs it as a worker would, and returns what it asked for, or how it failed."""
    with recording("new") as recorder:
        try:
            result = run()
        except Exception as exc:  # what Python refuses, a vector says
            return {"error": type(exc).__name__}
    return Renaming().of({
        "events": recorder.events,
        "applied": applied_id(result),
        "trail": recorder.trail,
    })


def apply(sig, args, options):
    return signature(json.loads(json.dumps(sig)), app=app).apply_async(
        args, **json.loads(json.dumps(options)))


def build(program):
    """A signature from ["chain", [part, ...]] and the like."""
    verb, *rest = program
    return BUILDERS[verb](*rest)


def build_all(programs):
    return [build(program) for program in programs]


def linked(sig, callback):
    sig = build(sig)
    sig.link(build(callback))
    return sig


def link_error(sig, errback):
    sig = build(sig)
    sig.link_error(build(errback))
    return sig


def immutable(sig):
    sig = build(sig)
    sig.set_immutable(True)
    return sig


def stamped(sig, stamps):
    sig = build(sig)
    sig.stamp(**stamps)
    return sig


BUILDERS = {
    "s": lambda task, args=(), kwargs=None, options=None: signature(
        task, args=tuple(args), kwargs=dict(kwargs or {}), options=dict(options or {}),
        app=app),
    "si": lambda task, args=(), kwargs=None, options=None: signature(
        task, args=tuple(args), kwargs=dict(kwargs or {}), options=dict(options or {}),
        immutable=True, app=app),
    "raw": lambda sig: signature(json.loads(json.dumps(sig)), app=app),
    "chain": lambda parts: chain(build_all(parts)),
    "group": lambda parts: group(build_all(parts)),
    "chord": lambda header, body: chord(build_all(header), build(body)),
    "or": lambda left, right: build(left) | build(right),
    "link": linked,
    "link_error": link_error,
    "immutable": immutable,
    "set": lambda sig, options: build(sig).set(**options),
    "stamp": stamped,
    "map": lambda task, it: celery.canvas.xmap(build(task), it, app=app),
    "starmap": lambda task, it: celery.canvas.xstarmap(build(task), it, app=app),
    "chunks": lambda task, it, n: celery.canvas.chunks(build(task), it, n, app=app),
}
