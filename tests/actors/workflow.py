# SPDX-License-Identifier: Apache-2.0
"""Workflows of tasks that write into the ledger, as a Python producer composes them, and
what must have become of each."""

import json
import uuid

# In a canvas expression: one task, known to the ledger as `name`.
TASK = "lambda name, *args, **kw: s('ledger.' + kw.pop('task', 'step'), *args, path=path, name=name, " \
       "milliseconds=milliseconds, **kw).set(**({'task_id': ids[name]} if ids[name] else {}))"

CHORD = "chord([work(name, task='work') for name in parts], work(body))"
CHAIN = "chain(work(names[0], 0), *map(work, names[1:]))"
# A group behind a task: the first of its members has two callbacks, each other one.
GROUP = "chain(work(first, 0), group([work(m) for m in members]))"
LINKED = "chain(work(first, 0), group([link(work(m), links[m]) for m in members]))"
FAILED = "work(name, task='stumble').set(link_error=[work(errback)])"
FAILED_CHORD = "chord([work(name, task='work') for name in parts] + [work(bad, task='stumble')], " \
               "work(body).set(link_error=[work(errback)]))"
NESTED = "chord([chain(work(first, 0), group([work(name) for name in parts])), work(last, task='work')], work(body))"


class Workflows:
    def __init__(self, producer, ledger, milliseconds=0):
        self._producer, self._ledger, self._ms = producer, ledger, milliseconds
        self.ids = {}  # {name: id, or None where nobody gave one}
        self.results = {}  # {name: what it must have returned}
        self.unrun = {}  # {what must never start: its id}

    def _send(self, expression, **values):
        for helper, text in (("link", "lambda sig, names: ([sig.link(work(n)) for n in names], sig)[1]"),
                             ("work", TASK)):
            expression = f"(lambda {helper}: {expression})({text})"
        self._producer.canvas(expression, path=self._ledger.path, milliseconds=self._ms,
                              ids={**self.ids, **self.unrun}, **values)

    def _name(self, names, *, known=True):
        self.ids.update({name: str(uuid.uuid4()) if known else None for name in names})
        return names

    def chord(self, label, n):
        parts = self._name([f"{label}.{i}" for i in range(n)])
        [body] = self._name([f"{label}.body"])
        self.results.update({**{name: name for name in parts}, body: parts})
        self._send(CHORD, parts=parts, body=body)
        return body

    def nested_chord(self, label, n):
        """The shape of its results is kept in Redis, and the join reads each of them."""
        parts = self._name([f"{label}.{i}" for i in range(n)])
        first, last, body = self._name([f"{label}.first", f"{label}.last", f"{label}.body"])
        self.results.update({first: 1, **{part: 2 for part in parts}, last: last, body: [[2] * n, last]})
        self._send(NESTED, parts=parts, first=first, last=last, body=body)
        return body

    def failed_chord(self, label, n):
        """Its body never runs, and tells its errback."""
        parts = self._name([f"{label}.{i}" for i in range(n)])
        [bad], [errback] = self._name([f"{label}.bad"]), self._name([f"{label}.errback"], known=False)
        body = f"{label}.body"
        self.unrun[body] = str(uuid.uuid4())
        self.results.update({errback: self.unrun[body]})
        self._send(FAILED_CHORD, parts=parts, bad=bad, body=body, errback=errback)
        return bad

    def chain(self, label, n):
        names = self._name([f"{label}.{i}" for i in range(n)])
        self.results.update({name: i + 1 for i, name in enumerate(names)})
        self._send(CHAIN, names=names)
        return names[-1]

    def linked_group(self, label, n):
        """The ids of the callbacks are for the worker to give."""
        [first], members = self._name([f"{label}.first"]), self._name([f"{label}.{i}" for i in range(n)])
        links = {m: self._name([f"{m}.link{k}" for k in range(2 if m == members[0] else 1)], known=False)
                 for m in members}
        self.results.update({first: 1, **{m: 2 for m in members},
                             **{name: 3 for names in links.values() for name in names}})
        self._send(LINKED, first=first, members=members, links=links)

    def failure(self, label):
        """Its errback, whose id is for the worker to give, gets the failed one's."""
        [name], [errback] = self._name([label]), self._name([f"{label}.errback"], known=False)
        self.results[errback] = self.ids[name]
        self._send(FAILED, name=name, errback=errback)

    def wrong_results(self, client, ids):
        """{name: what it returned instead}; `ids` as its account has learnt them."""
        raw = {name: client.get(f"celery-task-meta-{ids[name]}") for name in self.results}
        got = {name: text and json.loads(text)["result"] for name, text in raw.items()}
        return {name: got[name] for name, wanted in self.results.items() if got[name] != wanted}
