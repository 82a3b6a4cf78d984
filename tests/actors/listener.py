# SPDX-License-Identifier: Apache-2.0
"""Who hears events: Celery's own EventReceiver, in a process of its own."""

import json
import time

from .process import Process

SCRIPT = """
import json, sys
from celery import Celery

app = Celery(broker=sys.argv[1])
with app.connection() as connection:
    receiver = app.events.Receiver(connection, handlers={
        "*": lambda event: print(json.dumps(event), flush=True)})
    receiver.on_consume_ready = lambda *_, **__: print("listening", flush=True)
    receiver.capture(limit=None, timeout=None, wakeup=False)
"""


class Listener(Process):
    def __init__(self, python, broker):
        super().__init__([python, "-W", "ignore", "-c", SCRIPT, broker], name="listener")
        self.wait_line("^listening$", 20)

    @property
    def events(self):
        """In the order in which they came."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    def until(self, condition, seconds=20):
        """The events, once they are as the condition wants them."""
        deadline = time.monotonic() + seconds
        while not condition(self.events):
            assert time.monotonic() < deadline, "no such events: " + self.summary()
            self.wait_more(self.mark(), 0.2)
        return self.events

    def until_type(self, type, n=1, seconds=20, **fields):
        """The n-th event of this type and with these fields."""
        def found(events):
            return [e for e in events if e["type"] == type
                    and all(e.get(k) == v for k, v in fields.items())]
        return found(self.until(lambda events: len(found(events)) >= n, seconds))[n - 1]

    def of(self, id):
        return [e for e in self.events if e.get("uuid") == id]

    def summary(self):
        return " ".join(e["type"] for e in self.events[-40:])
