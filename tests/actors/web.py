# SPDX-License-Identifier: Apache-2.0
"""What a probe, a Prometheus or a person asks a worker over HTTP, and what no client should."""

import http.client
import socket
import time

from prometheus_client.parser import text_string_to_metric_families


class Web:
    def __init__(self, worker, host="127.0.0.1", port=None):
        """Without a port it is the one the worker says that it has chosen."""
        if port is None:
            port = int(worker.wait_line(r"HTTP: probes, metrics and status at http://.*:(\d+)/$").group(1))
        self.host, self.port = host, port

    def ask(self, path="/livez", method="GET", headers=None, seconds=10):
        """(status, body, headers)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.headers)
        finally:
            connection.close()

    def status(self, path, **options):
        return self.ask(path, **options)[0]

    def live(self):
        return self.status("/livez")

    def ready(self):
        return self.status("/readyz")

    def until(self, condition, what, seconds=20):
        """What condition() returns once it is true."""
        deadline, pause = time.monotonic() + seconds, 0.01
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
        return found

    def metrics(self):
        status, body, headers = self.ask("/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return Metrics(body)

    def socket(self):
        return socket.create_connection((self.host, self.port), timeout=20)

    def say(self, data):
        """All that comes for these bytes, until the other side closes."""
        with self.socket() as s:
            s.sendall(data)
            return read_all(s)


def read_all(s):
    got = b""
    try:
        while data := s.recv(65536):
            got += data
    except ConnectionError:
        pass  # closed with bytes that it had not read
    return got


class Metrics:
    """Prometheus' text, as its own parser reads it."""

    def __init__(self, text):
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        samples = [s for family in self.families.values() for s in family.samples]
        self.samples = {(s.name, frozenset(s.labels.items())): s.value for s in samples}
        assert len(samples) == len(self.samples), "a series stands there twice"

    def value(self, sample, /, **labels):
        """None if it is not there."""
        return self.samples.get((sample, frozenset(labels.items())))

    def of(self, name):
        """{labels: value} of all samples of a name."""
        return {labels: value for (n, labels), value in self.samples.items() if n == name}

    def total(self, name):
        return sum(self.of(name).values())
