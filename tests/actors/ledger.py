# SPDX-License-Identifier: Apache-2.0
"""The ledger that tests/fault/ledger.c writes: what started and what ended, in order,
and in which process."""

import collections


class Ledger:
    def __init__(self, path):
        self.path = path
        open(path, "w").close()

    def lines(self):
        """(what, name, pid, task id, delivery tag) of each whole line; the last one may be on
        its way."""
        with open(self.path) as f:
            text = f.read()
        return [tuple(line.split()) for line in text[:text.rfind("\n") + 1].splitlines()]

    def _count(self, what):
        return collections.Counter(line[1] for line in self.lines() if line[0] == what)

    def starts(self):
        return self._count("start")

    def ends(self):
        return self._count("end")

    def messages(self):
        """{name: the tags of the messages that started it}: more than one were published."""
        found = collections.defaultdict(set)
        for what, name, _, _, tag in self.lines():
            if what == "start":
                found[name].add(tag)
        return found

    def ids(self):
        """{name: the id it ran under}, for what nobody gave an id beforehand."""
        return {line[1]: line[3] for line in self.lines()}

    def open_now(self):
        """Started as often as not ended: what a kill at this moment may repeat."""
        ends = self.ends()
        return {name for name, n in self.starts().items() if n > ends[name]}

    def last_start_of(self, pid):
        """The task that this process started last, or None."""
        names = [line[1] for line in self.lines() if line[0] == "start" and line[2] == str(pid)]
        return names[-1] if names else None
