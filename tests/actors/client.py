# SPDX-License-Identifier: Apache-2.0
"""The tests' end of producer.py: each method is a request to it."""

import pathlib
import subprocess

from kombu.utils import json

SCRIPT = pathlib.Path(__file__).with_name("producer.py")


class Client:
    def __init__(self, python):
        self._process = subprocess.Popen(
            [python, "-W", "ignore", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, do, **request):
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the producer died when asked to {do}"
        answer = json.loads(line)
        assert "error" not in answer, answer.get("error")
        return answer["ok"]

    def connect(self, broker, backend, **conf):
        return self._ask("connect", broker=broker, backend=backend, conf=conf)

    def send(self, name, *args, _options=None, **kwargs):
        return self._ask("send", name=name, args=args, kwargs=kwargs, options=_options)

    def send_many(self, name, calls, **options):
        return self._ask("send_many", name=name, calls=calls, options=options)

    def signature(self, expression, **values):
        return self._ask("signature", expression=expression, values=values)

    def canvas(self, expression, **values):
        return self._ask("canvas", expression=expression, values=values)

    def get(self, id, timeout=20):
        return self._ask("get", id=id, timeout=timeout)

    def workflow(self, module, name, run):
        return self._ask("workflow", module=module, name=name, run=run)

    def workflow_result(self):
        return self._ask("workflow_result")

    def random_workflows(self, seeds, failures=True, timeout=20):
        return self._ask("random_workflows", seeds=list(seeds), failures=failures, timeout=timeout)

    def broadcast(self, method, **request):
        return self._ask("broadcast", method=method, request=request)

    def publish_control(self, body, times=1):
        return self._ask("publish_control", body=body, times=times)

    def look(self, id):
        return self._ask("look", id=id)

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:  # Celery 5.3 may linger over its connections
            self._process.kill()
            self._process.wait(5)
