# SPDX-License-Identifier: Apache-2.0
"""Messages held longer than the visibility timeout are not delivered twice."""

import pytest

SHORT = {"broker_transport_options": {"visibility_timeout": 2}}


@pytest.mark.petiole_only
def test_a_long_task_runs_once_beside_a_sweeping_python_worker(
        start, redis_server, producer, ledger, plugins, all_done, stage):
    config = {**SHORT, "task_acks_late": True}
    ours = start(plugins=plugins, config=config)
    id = producer.send("ledger.work", ledger.path, "long", 7000)
    redis_server.until(lambda r: ledger.starts()["long"] == 1)
    stage.worker("new", redis_server, hostname="sweeper@h2", config=config)
    all_done([id])
    assert ledger.starts()["long"] == 1
    assert ours.count("succeeded") == 1


@pytest.mark.petiole_only
def test_an_eta_beyond_the_visibility_timeout_runs_once(
        start, redis_server, producer, ledger, plugins, all_done, stage):
    start(plugins=plugins, config=SHORT)
    id = producer.send("ledger.work", ledger.path, "later", _options={"countdown": 7})
    redis_server.until(lambda r: r.hlen("unacked") == 1)
    stage.worker("new", redis_server, hostname="sweeper@h2", config=SHORT)
    all_done([id])
    assert ledger.starts()["later"] == 1


@pytest.mark.petiole_only
def test_a_dead_node_is_noticed_before_its_visibility_timeout(
        start, redis_server, producer, ledger, plugins, all_done):
    """Celery's default timeout is an hour; a peer needs seconds."""
    config = {"task_acks_late": True, "task_reject_on_worker_lost": True}
    dead = start(plugins=plugins, config=config, hostname="dead@h1")
    ids = [producer.send("ledger.work", ledger.path, str(n), 1500) for n in range(4)]
    redis_server.until(lambda r: len(ledger.starts()) == 2)
    start(plugins=plugins, config=config, hostname="peer@h2")
    dead.kill_hard()
    all_done(ids)
    assert set(ledger.ends()) == set("0123")
