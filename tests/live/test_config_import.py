# SPDX-License-Identifier: Apache-2.0
"""petiole config import: the settings of a real Python application, and a worker on them."""

import json
import os
import subprocess

import pytest

from actors.worker import PETIOLE, PYTHON, clean_environment

pytestmark = pytest.mark.petiole_only

APPLICATION = """
from datetime import timedelta
from celery import Celery
from kombu import Queue

def route(name, args, kwargs, options, task=None, **kw):
    return None

app = Celery("proj", broker="{url}", backend="{url}")
app.conf.update(
    task_acks_late=True, result_expires=timedelta(hours=2), worker_prefetch_multiplier=3,
    broker_transport_options={{"visibility_timeout": 700}}, timezone="Europe/Berlin",
    imports=["proj.tasks"], beat_schedule={{}}, worker_consumer="proj.Consumer",
    task_annotations={{"*": route}})
"""


@pytest.fixture
def imported(tmp_path):
    """imported(source, name): exit status, standard output, standard error."""

    def run(source, name="proj_app", python=PYTHON["new"]):
        (tmp_path / "proj_app.py").write_text(source)
        (tmp_path / "bin").mkdir(exist_ok=True)
        if python and not (tmp_path / "bin" / "python3").exists():
            (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
            (tmp_path / "bin" / "python3").chmod(0o755)
        done = subprocess.run([PETIOLE, "config", "import", name], cwd=tmp_path, capture_output=True, text=True,
                              timeout=90, env={**clean_environment(), "PATH": f"{tmp_path}/bin"
                                               + (":" + os.environ["PATH"] if python else "")})
        return done.returncode, done.stdout, done.stderr

    return run


def test_an_applications_settings_become_a_file_that_a_worker_takes(imported, stage, redis_server, tmp_path):
    status, out, err = imported(APPLICATION.format(url=redis_server.url()), "proj_app:app")
    assert status == 0, err
    settings = json.loads(out)
    assert settings["task_acks_late"] is True and settings["result_expires"] == 7200
    assert settings["broker_transport_options"] == {"visibility_timeout": 700}
    assert settings["broker_url"] == redis_server.url()
    assert "imports" not in settings and "beat_schedule" not in settings
    assert "worker_consumer" not in settings and "names a Python class" in err
    assert "task_annotations" not in settings and "'task_annotations'" in err
    assert "deprecated_settings" not in err, "a note that Celery keeps in its settings"
    (tmp_path / "w.json").write_text(out)
    check = subprocess.run([PETIOLE, "config", "check", tmp_path / "w.json"], capture_output=True, text=True)
    assert (check.returncode, check.stdout) == (0, f"{tmp_path / 'w.json'}: OK\n"), check.stderr


@pytest.mark.parametrize("source, name, says", [
    ("raise RuntimeError('no database')", "proj_app", "RuntimeError: no database"),
    ("", "no_such_module", "cannot read the application no_such_module"),
])
def test_an_application_that_cannot_be_read_is_named(imported, source, name, says):
    status, out, err = imported(source, name)
    assert (status, out) == (1, "") and says in err


def test_a_path_without_python_is_named(imported):
    status, out, err = imported("", python=None)
    assert (status, out) == (1, "") and "cannot run python3" in err


def test_a_python_without_celery_is_one_line(imported, tmp_path):
    (tmp_path / "celery.py").write_text("raise ModuleNotFoundError(\"No module named 'celery'\", name='celery')")
    status, out, err = imported("")
    assert (status, out, len(err.splitlines())) == (1, "", 1) and "activate" in err


def test_a_wrong_file_is_refused_with_its_reason(tmp_path):
    (tmp_path / "w.json").write_text('{"task_ack_late": true}')
    done = subprocess.run([PETIOLE, "config", "check", tmp_path / "w.json"], capture_output=True, text=True)
    assert done.returncode == 1 and "did you mean 'task_acks_late'?" in done.stderr
    assert subprocess.run([PETIOLE, "config"], capture_output=True).returncode == 64
