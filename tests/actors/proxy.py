# SPDX-License-Identifier: Apache-2.0
"""Stands between a worker and Redis: passes bytes on, alters them, swallows them, or
cuts the line."""

import selectors
import socket
import threading

from .redis_server import free_port


class Proxy:
    def __init__(self, target_port, replace=None):
        """`replace`: (old, new) of equal length, applied to what Redis answers."""
        assert replace is None or len(replace[0]) == len(replace[1])
        self.port = free_port()
        self._target = target_port
        self._replace = replace
        self._swallowing = False
        self._pairs = []
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def url(self, db=0):
        return f"redis://127.0.0.1:{self.port}/{db}"

    def _run(self):
        select = selectors.DefaultSelector()
        select.register(self._listener, selectors.EVENT_READ, None)
        select.register(self._woken, selectors.EVENT_READ, None)
        other = {}
        while not self._closing:
            for key, _ in select.select():
                if key.fileobj is self._woken:
                    self._woken.recv(100)
                elif key.fileobj is self._listener:
                    near, _ = self._listener.accept()
                    far = socket.create_connection(("127.0.0.1", self._target))
                    other[near], other[far] = (far, False), (near, True)
                    self._pairs.append((near, far))
                    for s in (near, far):
                        select.register(s, selectors.EVENT_READ, None)
                elif key.fileobj not in other:
                    pass  # its peer closed both in this very turn
                elif not self._pass_on(key.fileobj, *other[key.fileobj]):
                    for s in (key.fileobj, other[key.fileobj][0]):
                        if s in other:
                            select.unregister(s)
                            del other[s]
                            s.close()

    def _pass_on(self, source, sink, from_redis):
        try:
            data = source.recv(1 << 16)
            if data and not self._swallowing:
                if from_redis and self._replace:
                    data = data.replace(*self._replace)
                sink.sendall(data)
            return bool(data)
        except OSError:
            return False

    def swallow(self):
        self._swallowing = True

    def restore(self):
        self._swallowing = False

    def cut(self):
        for near, far in self._pairs:
            for s in (near, far):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._pairs = []

    def close(self):
        self._closing = True
        self._wake.send(b"x")
        self._thread.join(5)
        self.cut()
        self._listener.close()
