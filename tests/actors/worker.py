# SPDX-License-Identifier: Apache-2.0
"""Workers, petiole's and Python's, started from one description so that the same
scenario runs against either."""

import json
import os
import pathlib
import re
import signal
import tempfile

from .process import Process

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PETIOLE_BUILD", ROOT / "build")).resolve()
PETIOLE = BUILD / "src" / "petiole"
PYTHON = {version: ROOT / ".cache" / f"python-{version}" / "bin" / "python"
          for version in ("old", "new")}
LIVE = ROOT / "tests" / "live"

# Never right, whatever the test: a test that provokes one says so with tolerate().
ALARMS = re.compile(r"CRITICAL|INTERNAL ERROR|AddressSanitizer|LeakSanitizer|runtime error:|"
                    r"Assertion .* failed|stack smashing")


def is_sanitized():
    return b"__asan_init" in PETIOLE.read_bytes()


def clean_environment():
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("CELERY", "PETIOLE_")) and k not in ("BROKER_URL", "RESULT_BACKEND")}
    env["C_FORCE_ROOT"] = "1"
    env["PYTHONUNBUFFERED"] = "1"
    env["ASAN_OPTIONS"] = "abort_on_error=0:exitcode=99:allocator_may_return_null=1"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    if "PETIOLE_ASSETS" in os.environ:
        env["PETIOLE_ASSETS"] = os.environ["PETIOLE_ASSETS"]
    return env


def sweeping_often(config):
    """A Python worker looks for overdue messages every 100 s unless it is told to hurry."""
    transport = config.get("broker_transport_options")
    if not transport or "visibility_timeout" not in transport:
        return config
    return {**config, "broker_transport_options": {
        "unacked_restore_interval": 1, "unacked_restore_throttle": 1, **transport}}


class Worker(Process):
    def __init__(self, kind, broker, backend=None, *, plugins="demo", options=(), config=None,
                 hostname="w1@h1", concurrency=2, queues="celery", loglevel="INFO", env=None,
                 sociable=False):
        self.kind = kind
        self.hostname = hostname
        self._tolerated = []
        worker = [*(["-Q", queues] if queues else []), "-c", concurrency, "-n", hostname,
                  "-l", loglevel, *options]
        urls = ["-b", broker, *(["--result-backend", backend or broker] if backend != "" else [])]
        environment = {**clean_environment(), **(env or {})}
        if kind == "petiole":
            argv = [PETIOLE, "worker", "-A", plugins, *urls, *worker]
            if config is not None:
                self._config = tempfile.NamedTemporaryFile("w", suffix=".json")
                json.dump(config, self._config)
                self._config.flush()
                argv += ["--config", self._config.name]
        else:
            environment["REFERENCE_CONFIG"] = json.dumps(sweeping_often(config or {}))
            environment["PYTHONPATH"] = str(LIVE)
            argv = [PYTHON[kind], "-m", "celery", "-A", "reference_app", *urls, "worker",
                    *([] if sociable else ["--without-gossip", "--without-mingle"]), *worker]
        super().__init__(argv, name=f"{kind} worker {hostname}", env=environment, cwd=LIVE)

    def wait_ready(self, seconds=30):
        self.wait_line(rf"{re.escape(self.hostname)} ready\.$", seconds)
        return self

    def tolerate(self, pattern):
        self._tolerated.append(re.compile(pattern))

    def alarms(self):
        return [line for line in self.lines
                if ALARMS.search(line) and not any(t.search(line) for t in self._tolerated)]

    def stop(self, number=signal.SIGTERM, seconds=20):
        self.signal(number)
        return self.wait_exit(seconds)

    def kill_hard(self):
        """SIGKILL to the parent alone: its children must notice by themselves."""
        self.signal(signal.SIGKILL)
        self.wait_exit()
