# SPDX-License-Identifier: Apache-2.0
"""Workflows that nobody wrote: composed at random from a seed, with the value that must
come of them. Runs in the producer, whatever its Celery."""

import random

from celery import chain, chord, group
from celery.canvas import _chain, xstarmap

import workflow_shapes as shapes
from workflow_shapes import s, si

NONE = object()  # nothing is handed to a first task
SMALL = 4


def with_one_end(made):
    """What comes of groups in groups is flat, and in an order that is hard to predict:
    workflow_groups.py has some. Here a task ends each."""
    last = made
    while isinstance(last, _chain):
        last = last.tasks[-1]
    return chain(made, s("echo"), app=shapes.app) if isinstance(last, group) else made


class Composer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.left = self.random.randint(1, 24)  # tasks that may still be made
        self.fails_at = self.random.randint(1, 40)  # in a third or so of the workflows one does
        self.failed = False

    def workflow(self):
        """A signature and its value."""
        made, value = self.pick([self.chain, self.chord, self.group])(NONE, 0)
        return with_one_end(made), value

    def pick(self, of):
        return self.random.choice(of)

    def stage(self, given, depth, in_group=False):
        """A signature that is handed `given`, and its value. What is in a group must not
        begin with one: Celery's producers then may hand on nothing, or wait for ever."""
        kinds = [self.task, self.task]
        if depth < 3 and self.left > 3:
            kinds += [self.chain, self.chord, self.replaced]
            kinds += [] if in_group else [self.group]
        kind = self.pick(kinds)
        return kind(given, depth, in_group) if kind == self.chain else kind(given, depth)

    def task(self, given, depth=0):
        self.left -= 1
        self.fails_at -= 1
        if self.fails_at == 0:
            self.failed = True
            return si("fail", "ValueError", "boom"), None
        made, value = self.pick(self.possible(given))()
        if self.random.random() < 0.1:
            made.set(priority=self.random.choice([0, 3, 6, 9]))
        if self.random.random() < 0.1:
            made.set(link=[si("echo", "a link")])
        if self.random.random() < 0.05:
            made.set(link_error=[si("echo", "an errback")])
        return made, value

    def possible(self, given):
        n, late = self.random.randint(0, 99), self.pick(["add", "late_add"])
        immutable = [lambda: (si(late, n, 1), n + 1), lambda: (si("echo", [n, None]), [n, None])]
        if given is NONE:
            return [lambda: (s(late, n, 2), n + 2), lambda: (s("echo", "text"), "text"), *immutable,
                    lambda: (xstarmap(s("add"), [[n, 1], [n, 2]], app=shapes.app), [n + 1, n + 2]),
                    lambda: (si("retry", 1, 0.01), 1)]
        if isinstance(given, int):
            return [lambda: (s(late, n), given + n), lambda: (s("add", n), given + n), *immutable]
        if isinstance(given, list) and all(isinstance(one, int) for one in given):
            return [lambda: (s("xsum"), sum(given)), lambda: (s("echo"), given)]
        return [lambda: (s("echo"), given), immutable[0]]

    def chain(self, given, depth, in_group=False):
        made = []
        for n in range(self.random.randint(2, SMALL)):
            one, given = self.stage(given, depth + 1, in_group and n == 0)
            made.append(one)
        return chain(*made, app=shapes.app), given

    def members(self, given, depth):
        both = [self.stage(given, depth + 1, in_group=True) for _ in range(self.random.randint(2, SMALL))]
        return [with_one_end(one) for one, _ in both], [value for _, value in both]

    def group(self, given, depth):
        made, values = self.members(given, depth)
        return group(made, app=shapes.app), values

    def chord(self, given, depth):
        header, values = self.members(given, depth)
        body, value = self.task(values)
        return chord(header, body, app=shapes.app), value

    def replaced(self, given, depth):
        self.left -= 1
        made, value = self.stage(NONE, depth + 1)
        return si(self.pick(["replace", "late_replace"]), made), value


def compose(seed):
    composer = Composer(seed)
    made, value = composer.workflow()
    return made, value, composer.failed


def start(app, seed, failures):
    """(result, what must come of it), or None: it fails, and that is not wanted, or this
    Celery stumbles over its own canvas."""
    shapes.app = app
    made, value, failed = compose(seed)
    if failed and not failures:
        return None
    try:
        return made.apply_async(), {"failed": True} if failed else {"value": value}
    except AttributeError:
        return None
