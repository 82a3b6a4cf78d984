# SPDX-License-Identifier: Apache-2.0
"""State files that say which tasks are revoked: petiole's as a test writes it, a Python
worker's as Celery's own classes write it."""

import json
import subprocess
import time
import uuid

from .worker import PYTHON

SHELVE = """
import sys, zlib
from celery.worker.state import Persistent
from celery.utils.collections import LimitedSet
from celery.worker import state
import json
for id in json.load(sys.stdin):
    state.revoked.add(id)
p = Persistent(state, sys.argv[1], clock=None)
p.save()
"""


def write_state(stage, kind, ids=(), stamps=(), clock=0):
    """A state file as this kind of worker leaves one; returns its path."""
    path = stage.path(f"state-{uuid.uuid4()}")
    if kind == "petiole":
        with open(path, "w") as f:
            json.dump({"petiole_state": 1, "clock": clock, "revoked": {id: time.time() for id in ids},
                       "revoked_stamps": [[k, v, time.time()] for k, v in stamps]}, f)
    else:
        subprocess.run([PYTHON["new"], "-c", SHELVE, path], input=json.dumps(list(ids)), text=True, check=True)
    return path
