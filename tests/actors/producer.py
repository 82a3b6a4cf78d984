# SPDX-License-Identifier: Apache-2.0
"""A Python producer as users have them: real Celery, nothing of petiole.

Run by the tests in an environment with some version of Celery; one JSON request per
line on stdin, one JSON answer per line on stdout, both in kombu's JSON so that dates
and bytes pass."""

import gc
import sys
import traceback

import celery
import redis
from celery import Celery, chain, chord, group, signature
from kombu.utils import json


class Producer:
    app = None

    def connect(self, broker, backend, conf=None):
        if self.app:
            self.app.close()
        self.app = Celery("producer", broker=broker, backend=backend, set_as_current=True)
        self.app.conf.update(conf or {})
        return {"celery": celery.__version__, "redis": redis.__version__}

    def send(self, name, args=(), kwargs=None, options=None):
        return self.app.send_task(name, args=args, kwargs=kwargs or {}, **options or {}).id

    def send_many(self, name, calls, options=None):
        with self.app.producer_pool.acquire(block=True) as producer:
            return [self.app.send_task(name, args=args, producer=producer, **options or {}).id
                    for args in calls]

    def canvas(self, expression):
        """Sends what `expression` builds; s("name", …) is a signature."""
        names = {"chain": chain, "chord": chord, "group": group,
                 "s": lambda name, *args, **kw: signature(name, args=args, kwargs=kw, app=self.app)}
        return eval(expression, names).apply_async().id

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

    def look(self, id):
        result = self.app.AsyncResult(id)
        info = result.info
        return {"state": result.state, "info": info if not isinstance(info, Exception) else repr(info)}


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
