# SPDX-License-Identifier: Apache-2.0
"""The master that Sentinels know: found, lost, and found again where it is now."""

import pytest

from actors.sentinel_group import SentinelGroup


@pytest.fixture
def group(stage):
    return SentinelGroup(stage)


def join(stage, kind, group, **options):
    config = {**group.config(), **options.pop("config", {})}
    return stage.worker(kind, group.master, broker=group.url(), backend=group.url(),
                        config=config, **options)


def connect(client, group):
    client.connect(group.url(), group.url(), **group.config())
    return client


def works(client, value, seconds=40):
    return client.get(client.send("demo.echo", value), timeout=seconds)["value"] == value


@pytest.mark.timeout(120)
def test_broker_and_backend_are_where_the_sentinels_say(stage, kind, group, clients, version):
    worker = join(stage, kind, group)
    assert works(connect(clients[version], group), "found")
    assert worker.count(r"sentinel://:\*\*@127.0.0.1:\d+/0")


@pytest.mark.timeout(180)
def test_a_promoted_replica_is_followed(stage, kind, group, clients):
    worker = join(stage, kind, group)
    assert works(connect(clients["new"], group), "before")
    mark = worker.mark()
    group.master.kill()
    group.wait_promotion()
    group.wait_agreement()
    if kind == "petiole":
        worker.wait_line("Connected to sentinel://", 40, since=mark)
    assert works(connect(clients["new"], group), "after", 60)
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.timeout(180)
def test_a_master_that_is_replaced_while_it_lives_is_left(stage, kind, group, clients):
    """SENTINEL FAILOVER: the old master goes on, as a replica that takes no writes."""
    worker = join(stage, kind, group)
    assert works(connect(clients["new"], group), "before")
    mark = worker.mark()
    group.fail_over()
    worker.wait_line("Connected to sentinel://", 40, since=mark)
    assert group.replica.client().info("replication")["role"] == "master"
    group.master.until(lambda r: r.info("replication")["role"] == "slave", 60,
                       what="the old master is a replica: until then producers may write to it")
    assert works(connect(clients["new"], group), "after", 60)
    group.replica.until(lambda r: sum(c["cmd"] == "blmove" for c in r.client_list()) >= 4,
                        what="every listener at the new master")


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
def test_one_sentinel_of_the_list_is_enough(stage, kind, group, clients):
    group.sentinels[0].process.kill()
    worker = join(stage, kind, group)
    clients["new"].connect(group.master.url(), group.master.url())
    assert works(clients["new"], "found")
    assert worker.running()


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
def test_sentinels_with_a_password_of_their_own(stage, kind, clients):
    group = SentinelGroup(stage, sentinels=1, password="s3")
    config = group.config(sentinel_kwargs={"password": "s3"})
    worker = stage.worker(kind, group.master, broker=group.url(), backend=group.url(), config=config)
    clients["new"].connect(group.url(), group.url(), **config)
    assert works(clients["new"], "found")
    wrong = stage.worker(kind, group.master, broker=group.url(), backend="", ready=False,
                         hostname="w2@h2", config=group.config(sentinel_kwargs={"password": "no"}))
    wrong.wait_line("Cannot connect to sentinel://.*AUTH refused: WRONGPASS", 20)
    assert "s3" not in worker.text


@pytest.mark.petiole_only
@pytest.mark.timeout(120)
@pytest.mark.parametrize("options, line", [
    ({"master_name": "nobody"}, "no Sentinel finds the master 'nobody': .*No such master"),
    ({"min_other_sentinels": 2}, "it sees fewer other Sentinels than min_other_sentinels"),
])
def test_why_no_master_is_found_is_said(stage, kind, clients, options, line):
    group = SentinelGroup(stage, sentinels=1)
    worker = stage.worker(kind, group.master, broker=group.url(), backend="", ready=False,
                          config={"broker_transport_options": group.options(**options)})
    worker.wait_line("Cannot connect to sentinel://.*" + line, 20)
