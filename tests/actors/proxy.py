# SPDX-License-Identifier: Apache-2.0
"""Stands between a worker and Redis: passes bytes on, alters them, swallows them, or
cuts the line, at any byte or between any two commands."""

import os
import random
import selectors
import signal
import socket
import threading

from .redis_server import free_port


class Line:
    """One connection through the proxy: `near` is the worker's end, `far` is Redis'."""

    def __init__(self, near, far):
        self.near, self.far = near, far
        self.commands = Commands()
        self.left = {}  # bytes that still pass, by direction
        self.mute = False  # nothing that Redis answers passes any more


class Proxy:
    """Subclasses decide in `passes` what becomes of each piece of what is said."""

    def __init__(self, target_port, replace=None):
        """`replace`: (old, new) of equal length, applied to what Redis answers."""
        assert replace is None or len(replace[0]) == len(replace[1])
        self.port = free_port()
        self._target = target_port
        self._replace = replace
        self._swallowing = False
        self._lines = []
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def url(self, db=0):
        return f"redis://127.0.0.1:{self.port}/{db}"

    def passes(self, line, data, from_redis):
        """What of `data` is passed on; and whether the line is cut after it."""
        if self._swallowing:
            return b"", False
        if from_redis and self._replace:
            data = data.replace(*self._replace)
        return data, False

    def _run(self):
        select = selectors.DefaultSelector()
        select.register(self._listener, selectors.EVENT_READ, None)
        select.register(self._woken, selectors.EVENT_READ, None)
        line_of = {}
        while not self._closing:
            for key, _ in select.select():
                if key.fileobj is self._woken:
                    self._woken.recv(100)
                elif key.fileobj is self._listener:
                    near, _ = self._listener.accept()
                    try:
                        far = socket.create_connection(("127.0.0.1", self._target))
                    except OSError:  # Redis is away
                        near.close()
                        continue
                    line = Line(near, far)
                    self._lines.append(line)
                    for s in (near, far):
                        line_of[s] = line
                        select.register(s, selectors.EVENT_READ, None)
                elif key.fileobj not in line_of:
                    pass  # its peer closed both in this very turn
                elif not self._pass_on(line_of[key.fileobj], key.fileobj):
                    line = line_of[key.fileobj]
                    for s in (line.near, line.far):
                        select.unregister(s)
                        del line_of[s]
                        s.close()

    def _pass_on(self, line, source):
        from_redis = source is line.far
        try:
            data = source.recv(1 << 16)
            if not data:
                return False
            data, cut = self.passes(line, data, from_redis)
            if data:
                (line.near if from_redis else line.far).sendall(data)
            if cut and not from_redis:
                self._read_out(line.far)
            return not cut
        except OSError:
            return False

    @staticmethod
    def _read_out(far):
        """Redis has executed what it was sent once it closes its end."""
        far.shutdown(socket.SHUT_WR)
        far.settimeout(5)
        while far.recv(1 << 16):
            pass

    def swallow(self):
        self._swallowing = True

    def restore(self):
        self._swallowing = False

    def cut(self):
        for line in self._lines:
            for s in (line.near, line.far):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._lines = []

    def close(self):
        self._closing = True
        self._wake.send(b"x")
        self._thread.join(5)
        self.cut()
        self._listener.close()


class Commands:
    """Where each command ends in what a client says: *n, then n times $length, bytes."""

    def __init__(self):
        self._head = b""  # of a line that is not whole yet
        self._args = 0  # still to come in this command
        self._skip = 0  # bytes of an argument still to come
        self._name = None  # of this command, once it is known
        self._naming = None

    def feed(self, data):
        """Yields (how many bytes of `data` the command ends after, its name)."""
        at = 0
        while at < len(data):
            if self._skip:
                n = min(self._skip, len(data) - at)
                if self._naming is not None:
                    self._naming += data[at:at + n]
                self._skip -= n
                at += n
                if self._skip == 0:
                    if self._naming is not None:
                        self._name, self._naming = self._naming[:-2].decode("latin-1").upper(), None
                    self._args -= 1
                    if self._args == 0:
                        yield at, self._name
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._head += data[at:]
                return
            head, self._head = self._head + data[at:end], b""
            at = end + 1
            if head.startswith(b"*"):
                self._args, self._name = int(head[1:]), None
            else:
                assert head.startswith(b"$"), head
                self._skip = int(head[1:]) + 2
                self._naming = b"" if self._name is None else None


class Boundary(Proxy):
    """Strikes at the k-th command that goes by, counted over all lines: `before` it
    reaches Redis, or `after` Redis has executed it and before its answer passes. It
    kills the process `pid`, or cuts the one line if there is none."""

    def __init__(self, target_port, k, when, kill):
        self.k, self.when, self.kill = k, when, kill
        self.pid = None  # told once the worker has been started
        self.names = []  # of the commands that went by
        self.struck = threading.Event()
        self.told = threading.Event()
        super().__init__(target_port)

    def passes(self, line, data, from_redis):
        if self.kill and self.struck.is_set():
            return b"", True
        if from_redis:
            return data, False
        begun = 0
        for end, name in line.commands.feed(data):
            self.names.append(name)
            if len(self.names) == self.k:
                self._strike()
                return data[:end if self.when == "after" else begun], True
            begun = end
        return data, False

    def _strike(self):
        if self.kill:
            self.told.wait(10)
            os.kill(self.pid, signal.SIGKILL)
        self.struck.set()


class Torn(Proxy):
    """Each line tears after a random number of bytes, in the middle of whatever is being
    said, until `mend`: what Redis got of it may have been executed."""

    def __init__(self, target_port, seed, bytes_from, bytes_to):
        self._dice, self._range = random.Random(seed), (bytes_from, bytes_to)
        self._mended = False
        self.tears = 0
        super().__init__(target_port)

    def passes(self, line, data, from_redis):
        if self._mended:
            return data, False
        if not line.left:
            first = self._dice.random() < 0.5  # the direction that tears
            line.left = {first: self._dice.randrange(*self._range), not first: 1 << 60}
        left = line.left[from_redis]
        line.left[from_redis] -= len(data)
        if len(data) <= left:
            return data, False
        self.tears += 1
        return data[:left], True

    def mend(self):
        self._mended = True
