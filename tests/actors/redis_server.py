# SPDX-License-Identifier: Apache-2.0
"""A private redis-server, on a Unix socket and a free port."""

import os
import random
import signal
import socket
import time

import redis

from .process import Process


def free_port():
    """Below those that outgoing connections get, which could take it while its server is
    down; a node of a cluster listens 10000 higher as well, and must find a port there."""
    while True:
        port = random.randrange(10240, 32768)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:  # somebody has it
                continue


class RedisServer:
    def __init__(self, directory, environment=None, **options):
        """`options` are redis.conf directives, "_" for "-"."""
        self._environment = environment and {**os.environ, **environment}
        self.directory = directory
        self.port = free_port()
        self.socket = os.path.join(directory, "redis.sock")
        self.password = options.get("requirepass")
        self._options = {
            "port": self.port, "bind": "127.0.0.1", "unixsocket": self.socket,
            "dir": directory, "save": "", "appendonly": "no",
            "notify_keyspace_events": "KA", **options}
        self.process = None
        self.start()

    def start(self):
        self.launch()
        self.process.wait_line("Ready to accept connections|ready to accept connections at")
        return self

    def launch(self):
        """Without waiting until it is ready."""
        argv = ["redis-server"]
        for name, value in self._options.items():
            for one in value if isinstance(value, list) else [value]:
                argv += ["--" + name.replace("_", "-"), *(str(one).split() or [""])]
        self.process = Process(argv, name="redis-server", env=self._environment)

    def url(self, db=0, user="", password=None):
        password = self.password if password is None else password
        who = f"{user}:{password}@" if password else ""
        return f"redis://{who}127.0.0.1:{self.port}/{db}"

    def socket_url(self, db=0):
        who = f":{self.password}@" if self.password else ""
        return f"redis+socket://{who}{self.socket}?virtual_host={db}"

    def client(self, db=0, **options):
        options.setdefault("password", self.password)
        options.setdefault("client_name", "test")  # none of a worker's: see Account
        return redis.Redis(host="127.0.0.1", port=self.port, db=db, **options)

    def until(self, condition, seconds=20, db=0, what=None, explain=str):
        """What condition(client) returns once it is true; looked at again whenever a key
        of the database changes."""
        deadline = time.monotonic() + seconds
        client, changes = self.client(db), self.client(db).pubsub()
        changes.psubscribe(f"__keyspace@{db}__:*")
        try:
            while True:
                found = condition(client)
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    keys = sorted(client.keys())
                    raise AssertionError(
                        f"{what or 'the condition'} did not come true within {seconds} s; "
                        f"{len(keys)} keys: {keys[:5]} … {keys[-20:]}\n{explain()}")
                # Time itself can make a condition true, so never wait for a key alone.
                changes.get_message(ignore_subscribe_messages=True, timeout=min(left, 0.5))
        finally:
            changes.close()
            client.close()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.wait_exit()

    def kill(self):
        self.process.kill()
