# SPDX-License-Identifier: Apache-2.0
"""A Python producer as users have them: real Celery, nothing of petiole.

Run by the tests in an environment with some version of Celery; one JSON request per
line on stdin, one JSON answer per line on stdout, both in kombu's JSON so that dates
and bytes pass."""

import gc
import importlib
import itertools
import os
import sys
import traceback
from uuid import uuid4

import celery
import redis
from celery import Celery, chain, chord, group, signature
from kombu.utils import json
from kombu.utils.uuid import uuid

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live"))


class Producer:
    app = None

    def connect(self, broker, backend, conf=None):
        if self.app:
            # Groups keep their results; those would unsubscribe from a Redis that is gone.
            self.app.backend.result_consumer.subscribed_to.clear()
            self.app.close()
        self.app = Celery("producer", broker=broker, backend=backend, set_as_current=True)
        self.app.conf.update(conf or {})
        if self.app.conf.security_cert_store:  # for the rest of this process
            self.app.setup_security(digest=self.app.conf.security_digest)
        return {"celery": celery.__version__, "redis": redis.__version__}

    def send(self, name, args=(), kwargs=None, options=None):
        return self.app.send_task(name, args=args, kwargs=kwargs or {}, **options or {}).id

    def send_many(self, name, calls, options=None):
        with self.app.producer_pool.acquire(block=True) as producer:
            return [self.app.send_task(name, args=args, producer=producer, **options or {}).id
                    for args in calls]

    def signature(self, expression, values=None):
        """What `expression` builds; s("name", …) is a signature, `values` are names that
        it may use."""
        names = {"chain": chain, "chord": chord, "group": group, **(values or {}),
                 "s": lambda task, /, *args, **kw: signature(task, args=args, kwargs=kw, app=self.app)}
        return eval(expression, names)

    def canvas(self, expression, values=None):
        id = self.signature(expression, values).apply_async().id
        gc.collect()  # as in get(): a chord's result watches each of its parts
        return id

    def get(self, id, timeout=20):
        answer = self.value_or_exception(id, timeout)
        # A result that an exception's traceback kept alive unsubscribes when it is
        # collected; by then its Redis may be gone, and Celery would retry for 19 s.
        gc.collect()
        return answer

    def value_or_exception(self, id, timeout):
        """What AsyncResult(id).get() gives its caller."""
        result = self.app.AsyncResult(id)
        try:
            value = result.get(timeout=timeout, disable_sync_subtasks=False)
        except BaseException as exc:  # a task may have raised SystemExit
            kind = type(exc)
            return {"raised": kind.__qualname__, "module": kind.__module__,
                    "bases": [base.__qualname__ for base in kind.__mro__[1:-1]],
                    "args": [a if isinstance(a, (str, int, float, list, dict, type(None)))
                             else repr(a) for a in exc.args],
                    "text": str(exc), "state": result.state}
        return {"value": value, "state": result.state}

    def broadcast(self, method, request):
        return self.app.control.broadcast(method, reply=True, **request)

    def publish_control(self, body, times=1):
        """To every worker, as it is: what no client of Celery's would send."""
        with self.app.producer_pool.acquire(block=True) as producer:
            for _ in range(times):
                producer.publish(body, exchange=self.app.control.mailbox.exchange, serializer="json",
                                 declare=[self.app.control.mailbox.exchange],
                                 headers={"clock": self.app.clock.forward()})

    def workflow(self, module, name, run):
        """Starts one of workflow_shapes.py's; the ids that are made here count up from
        one, with `run` before it, so that each id has the same place in every run."""
        count = itertools.count(1)
        shapes = importlib.import_module("workflow_shapes")
        uuid.__defaults__ = (lambda: f"{run:08x}-0000-4000-8000-{next(count):012x}",)
        try:
            self.started = shapes.start(self.app, module, name)
        finally:
            uuid.__defaults__ = (uuid4,)
        return self.started.as_tuple()

    def workflow_result(self):
        """What the caller gets of it, once nothing goes on any more."""
        ready = self.started.ready()
        try:
            if not ready and not any(self.app.AsyncResult(id).failed() for id in ids_in(self.started.as_tuple())):
                return {"pending": True}
            value = self.started.get(timeout=10 if ready else 0.2, disable_sync_subtasks=False)
            return {"value": value}
        except celery.exceptions.TimeoutError:
            return {"pending": True}
        except BaseException as exc:
            return {"raised": type(exc).__qualname__, "args": [repr(a) for a in exc.args], "text": str(exc)}

    def random_workflows(self, seeds, failures, timeout):
        """{seed: what is wrong} of those that do not come to what they must."""
        made = importlib.import_module("workflow_random")
        started = [(seed, made.start(self.app, seed, failures)) for seed in seeds]
        return {seed: wrong for seed, one in started if one and (wrong := wrongs(*one, timeout))}

    def look(self, id):
        result = self.app.AsyncResult(id)
        info = result.info
        return {"state": result.state, "info": info if not isinstance(info, Exception) else repr(info)}


def ids_in(tree):
    if isinstance(tree, (list, tuple)):
        return [id for branch in tree for id in ids_in(branch)]
    return [tree] if tree else []


def wrongs(result, must, timeout):
    try:
        got = result.get(timeout=timeout, disable_sync_subtasks=False)
    except celery.exceptions.TimeoutError:
        return "nothing came of it"
    except Exception as exc:
        return None if must.get("failed") else repr(exc)
    return None if must == {"value": got} else f"{got!r} instead of {must}"


def main():
    producer = Producer()
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(producer, request.pop("do"))(**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
