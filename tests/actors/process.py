# SPDX-License-Identifier: Apache-2.0
"""A program under test: its output as lines to wait for, and a certain end."""

import os
import re
import select
import signal
import subprocess
import threading
import time
import uuid


class Process:
    """Marks its environment, so that nothing it started can outlive the test, whatever
    sessions and process groups its children make."""

    def __init__(self, argv, *, name=None, env=None, cwd=None):
        self.name = name or os.path.basename(argv[0])
        self.argv = [str(a) for a in argv]
        self.lines = []
        self._changed = threading.Condition()
        self._closed = False
        self._mark = f"PROCESS_UNDER_TEST={uuid.uuid4()}"
        env = dict([*(os.environ if env is None else env).items(), self._mark.split("=")])
        self._popen = subprocess.Popen(
            self.argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self._popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self._popen.stdout:
            with self._changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def text(self):
        return "\n".join(self.lines)

    def mark(self):
        """The place in the log from which a later wait_line() looks."""
        return len(self.lines)

    def wait_line(self, pattern, seconds=15, since=0):
        """The first match in the lines since `since`, as soon as it is printed."""
        deadline = time.monotonic() + seconds
        look = re.compile(pattern)
        with self._changed:
            while True:
                while since < len(self.lines):
                    found = look.search(self.lines[since])
                    since += 1
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    why = "it ended" if self._closed else f"not within {seconds} s"
                    raise AssertionError(
                        f"{self.name} never printed /{pattern}/: {why}. Its output:\n{self.text}")
                self._changed.wait(left)

    def wait_more(self, mark, seconds):
        """Until it has printed something since `mark`; false if it has not."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or len(self.lines) > mark, seconds)

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.lines)

    def running(self):
        return self._popen.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self, seconds=20):
        """The exit status, once its output has been read to the end."""
        try:
            status = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} did not exit within {seconds} s. Its output:\n{self.text}") from None
        self._reader.join(5)
        return status

    def wait_family(self, seconds=5):
        """Until all that it started has ended: what is killed with it takes a moment."""
        for pid in self.family():
            try:
                end = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                assert select.select([end], [], [], seconds)[0], f"{pid} outlived {self.name}"
            finally:
                os.close(end)

    def family(self):
        """The pids of it and of all it started, as far as they live."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as f:
                    marked = self._mark.encode() in f.read().split(b"\0")
                with open(f"/proc/{entry}/stat") as f:
                    state, _, _, session = f.read().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            # a program may write its title over its environment, as redis-server does
            if state != "Z" and (marked or int(session) == self.pid):
                found.append(int(entry))
        return sorted(found)

    def children(self):
        return [pid for pid in self.family() if pid != self.pid]

    def kill(self):
        """Ends it and all it started; harmless if they are gone already."""
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._popen.wait(10)
        self._reader.join(5)
