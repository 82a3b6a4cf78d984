# SPDX-License-Identifier: Apache-2.0
"""`celery inspect …` many times in one process, which is what takes so long to start.

Run by a Python that has Celery: reads a JSON list of command lines from standard input,
and writes a JSON list of [exit code, standard output, standard error]."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout


def run_all(python, broker, command_lines, seconds=60):
    """What a Celery client prints for each command line, behind `celery -b BROKER`."""
    done = subprocess.run(
        [python, "-W", "ignore", __file__, broker], input=json.dumps(command_lines),
        capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(argv):
    from celery.bin.celery import main
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["celery", *argv]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main() or 0
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else int(e.code is not None)
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    answers = [run(["-b", sys.argv[1], *line]) for line in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)
