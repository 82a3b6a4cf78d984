# SPDX-License-Identifier: Apache-2.0
"""Counts what a fault lost and what it repeated, and knows exactly what it was allowed
to repeat: what had started, and had no stored result, when its process died."""

import json
import re
import threading
import uuid

FINAL = (b'"status": "SUCCESS"', b'"status": "FAILURE"', b'"status": "REVOKED"')


def moment(seconds):
    """A kill at a random moment waits for no event: that is its point."""
    threading.Event().wait(seconds)


def finished(client, ids):
    """Those of the ids that have a stored final state."""
    ids = [id for id in ids if id]
    found = client.mget([f"celery-task-meta-{id}".encode(errors="surrogatepass") for id in ids]) if ids else []
    return {id for id, raw in zip(ids, found) if raw and any(state in raw for state in FINAL)}


def ids_in(client):
    """The ids of all messages that lie in Redis: queued, held, or in an inbox."""
    found = set()
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        if kind == b"list":
            raws = client.lrange(key, 0, -1)
        elif key.endswith(b"unacked") and kind == b"hash":
            raws = client.hvals(key)
        else:
            continue
        for raw in raws:
            try:
                message = json.loads(raw)
                if "reason" in message:  # a dead letter
                    message = json.loads(message["message"])
                message = message[0] if isinstance(message, list) else message
                found.add(message["headers"]["id"])
            except (ValueError, LookupError, TypeError):
                continue
    return found


class Acknowledged:
    """The ids of the messages that workers acknowledged, as Redis itself tells what it
    executed: held by HSET under a tag, and then freed by an HDEL outside of any script
    (a script's puts back, or buries)."""

    def __init__(self, server):
        self._client = server.client()
        self._monitor = self._client.monitor().__enter__()
        self._id_of, self._ids = {}, set()

    def ids(self):
        """Until now: Redis keeps what it has to tell until somebody reads it."""
        mark = f"ECHO {uuid.uuid4()}"
        self._client.execute_command(*mark.split())
        while (said := self._monitor.next_command())["command"] != mark:
            if said["command"].startswith("HSET unacked "):
                self._id_of.update(re.findall(r'(\S+) \[{.*?"id": "([^"]+)"', said["command"]))
            elif said["command"].startswith("HDEL unacked ") and said["client_type"] != "lua":
                tags = said["command"].split()[2:]
                self._ids |= {self._id_of[tag] for tag in tags if tag in self._id_of}
        return self._ids

    def close(self):
        self._monitor.__exit__(None, None, None)
        self._client.close()


class Account:
    def __init__(self, ledger, server, ids, *, late=True, asks=True):
        """`ids`: {name in the ledger: task id, or None if only its run will tell}. Opened
        after the tasks were sent and before the workers start, so that every later
        connection is a worker's. A Python heir never asks for a stored result: what was not
        acknowledged runs again."""
        self.ledger, self.server, self.ids, self.late = ledger, server, dict(ids), late
        self._asks = asks
        self._most = {}  # name: how often it may have started by the end
        self.risked = set()  # with early acknowledgement: what its sender risked
        self._allowed = set()
        self._client = server.client()
        self._acknowledged = None if late else Acknowledged(server)
        self._known = {c["id"] for c in self._client.client_list()}

    def _learn(self):
        """The ids of what a worker named."""
        if None in self.ids.values():
            told = self.ledger.ids()
            self.ids.update({name: told.get(name) for name, id in self.ids.items() if id is None})

    def _settled(self, client):
        """Redis has read what the dead wrote, and seen their connections close."""
        return {c["id"] for c in client.client_list() if c["name"] != "test"} <= self._known

    def worker_died(self):
        """To be called when no worker is left."""
        self.server.until(self._settled, 20, what="the dead worker's connections to close")
        self._learn()
        starts, ends = self.ledger.starts(), self.ledger.ends()
        if self.late:
            again = self._without_result(starts)
        else:
            # Acknowledged counts as started: a kill may come before the handler's first line.
            held, acknowledged = ids_in(self._client), self._acknowledged.ids()
            again = {name for name in starts if self.ids[name] in held}
            begun = {*starts, *(name for name, id in self.ids.items() if id in acknowledged)}
            self.risked |= {name for name in begun if self.ids[name] not in held and not ends[name]}
        for name, n in starts.items():
            self._most[name] = n + (name in again)
        self._allowed |= again

    def _without_result(self, names):
        """… or, with a Python heir, not acknowledged."""
        done = self.finished()
        held = set() if self._asks else ids_in(self._client)
        return {name for name in names if self.ids[name] not in done or self.ids[name] in held}

    def finished(self):
        """The ids with a final state."""
        self._learn()
        return finished(self._client, self.ids.values())

    def child_died(self, pid, before=()):
        """One task runs in a child at a time, and its outcome may not have come out. `before`:
        what was finished before the kill; another child may have repeated a short task
        since."""
        self._learn()
        name = self.ledger.last_start_of(pid)
        if name and self.ids[name] not in (before or self.finished()):
            self._most[name] = max(self._most.get(name, 1), self.ledger.starts()[name] + 1)
            self._allowed.add(name)

    def one_of_several_died(self, pids):
        """What ran in its processes."""
        self._learn()
        pids = {str(pid) for pid in pids}
        names = {line[1] for line in self.ledger.lines() if line[0] == "start" and line[2] in pids}
        again = self._without_result(names)
        for name in again:
            self._most[name] = self.ledger.starts()[name] + 1
        self._allowed |= again

    def unfinished(self):
        done = self.finished()
        return [name for name, id in self.ids.items() if id not in done]

    def balance(self):
        """The row of the table, and what in it is wrong."""
        self._learn()
        starts, ends = self.ledger.starts(), self.ledger.ends()
        lost = {name for name in self.ids if not ends[name]} - self.risked
        repeated = {name for name, n in starts.items() if n > 1}
        wrong = {name: n for name, n in starts.items() if n > self._most.get(name, 1)}
        row = {"tasks": len(self.ids), "lost": len(lost), "repeated": len(repeated),
               "allowed": len(self._allowed)}
        return row, lost, wrong

    def close(self):
        if self._acknowledged:
            self._acknowledged.close()
        self._client.close()
