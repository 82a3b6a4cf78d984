# SPDX-License-Identifier: Apache-2.0
"""Workflows as users write them: in the modules beside this one, each function makes one
from tasks of the demo plugin, and returns it or the result of having sent it. They run in
the producer, whatever its Celery; the tests read here what there is."""

import datetime
import importlib

from celery import signature

SHAPES = {}  # module: {name: Shape}
PAST = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
SOON = 0.1  # a Python worker that sends a retry at once may store RETRY after its SUCCESS
DOOMED = "d00d0000-0000-4000-8000-000000000001"  # revoked in the workers' state files
app = None


class Shape:
    def __init__(self, build, only=None, config=None, conf=None, improves=()):
        """`only`: the producer that can build it; `config`, `conf`: of the workers and of
        the producer; `improves`: in what petiole differs, see actors/improvements.py."""
        self.build, self.only, self.config, self.conf = build, only, config or {}, conf or {}
        self.improves = (improves,) if isinstance(improves, str) else improves


def shape(build=None, **about):
    if build is None:
        return lambda build: shape(build, **about)
    SHAPES.setdefault(build.__module__, {})[build.__name__] = Shape(build, **about)
    return build


def named(module, name):
    importlib.import_module(module)
    return SHAPES[module][name]


def cases(module):
    """(producer's version, name) of each."""
    importlib.import_module(module)
    return [(version, name) for version in ("old", "new") for name, shape in SHAPES[module].items()
            if shape.only in (None, version)]


def start(using, module, name):
    global app
    app = using
    made = named(module, name).build()
    return made.apply_async() if hasattr(made, "apply_async") else made


def s(name, *args, **options):
    return signature(f"demo.{name}" if "." not in name else name, args=args, options=options, app=app)


def si(name, *args, **options):
    return signature(f"demo.{name}" if "." not in name else name, args=args, options=options,
                     app=app, immutable=True)


def fails(**options):
    return si("fail", "ValueError", "boom", **options)


def doomed(*args):
    return s("add", *args, task_id=DOOMED)


def expired(*args):
    return s("add", *args, expires=PAST)


def no_more_retries():
    return si("retry_with", {"exc": "ValueError", "message": "no", "countdown": SOON, "max_retries": 1}, 5)
