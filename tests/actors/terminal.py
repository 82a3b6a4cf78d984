# SPDX-License-Identifier: Apache-2.0
"""A program in a terminal of a given size: what its screen shows, keys, and resizing."""

import os
import shutil
import subprocess
import tempfile
import time

import pytest

from .worker import clean_environment


class Terminal:
    """tmux is the terminal. It has a server of its own, which ends with the test."""

    def __init__(self, argv, *, columns=80, rows=24, env=None, cwd=None):
        if not shutil.which("tmux"):
            pytest.skip("tmux is not installed")
        self._directory = tempfile.mkdtemp(prefix="petiole-tmux-")
        self._status = os.path.join(self._directory, "status")  # tmux 3.3 does not always know it
        self._tmux("new-session", "-d", "-x", columns, "-y", rows, "-c", cwd or "/",
                   *sum((["-e", f"{k}={v}"] for k, v in (env or {}).items()), []),
                   "--", "sh", "-c", '"$@"; echo $? >"$0"', self._status, *argv, env=clean_environment(), conf=True)

    def _tmux(self, *words, env=None, conf=False):
        if conf:
            path = os.path.join(self._directory, "conf")
            with open(path, "w") as f:
                f.write("set -g remain-on-exit on\nset -g status off\nset -g default-terminal screen\n"
                        "set -sg escape-time 0\n")
        done = subprocess.run(
            ["tmux", "-S", f"{self._directory}/socket", "-f", f"{self._directory}/conf", *map(str, words)],
            capture_output=True, text=True, timeout=20, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen(self, colors=False):
        return self._tmux("capture-pane", "-p", *(["-e"] if colors else []))

    def type(self, *keys):
        """Names of keys as tmux has them ("Enter", "C-c"), or characters."""
        self._tmux("send-keys", *keys)

    def text(self, text):
        self._tmux("send-keys", "-l", text)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", columns, "-y", rows)

    def wait(self, condition, seconds=15):
        """The screen for which condition(screen) holds; a text: once it is there."""
        holds = condition if callable(condition) else lambda screen: condition in screen
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if holds(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {condition}. The screen:\n{screen}")
            time.sleep(0.02)

    def wait_exit(self, seconds=10):
        """The exit status of the program."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with open(self._status) as f:
                    return int(f.read())
            except (FileNotFoundError, ValueError):
                assert time.monotonic() < deadline, f"still running:\n{self.screen()}"
                time.sleep(0.02)

    def running(self):
        return self._tmux("display-message", "-p", "#{pane_dead}").strip() == "0"

    def kill(self):
        subprocess.run(["tmux", "-S", f"{self._directory}/socket", "kill-server"], capture_output=True)
        shutil.rmtree(self._directory, ignore_errors=True)
