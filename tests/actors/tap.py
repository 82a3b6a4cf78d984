# SPDX-License-Identifier: Apache-2.0
"""Every message that anybody publishes on a Redis, as the server itself tells it."""

import codecs
import json
import re
import socket
import uuid

QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
PUSH = re.compile(rb'^\+\S+ \[[^]]*\] "(LPUSH|RPUSH|lpush|rpush)" "')


def words(line):
    """The command in a line of MONITOR, as its arguments' bytes."""
    return [codecs.escape_decode(word)[0] for word in QUOTED.findall(line.split(b"] ", 1)[1])]


class Tap:
    def __init__(self, server):
        self._client = server.client()
        self._socket = socket.create_connection(("127.0.0.1", server.port))
        self._lines = self._socket.makefile("rb")
        self._socket.sendall(b"MONITOR\r\n")
        assert self._lines.readline() == b"+OK\r\n"

    def published(self):
        """(list, message) for each since the last call: Redis keeps what it has to tell."""
        mark = uuid.uuid4().hex
        self._client.echo(mark)
        found = []
        while mark.encode() not in (line := self._lines.readline()):
            assert line, "the tap's Redis has gone"
            if PUSH.match(line):
                _, key, *values = words(line)
                found += [(key.decode(), raw) for raw in values if is_message(raw)]
        return found

    def close(self):
        self._lines.close()
        self._socket.close()
        self._client.close()


def is_message(raw):
    """Not a part of an unordered chord, nor what a worker books for itself."""
    try:
        message = json.loads(raw)
    except ValueError:
        return False
    return isinstance(message, dict) and "properties" in message and "body" in message
