# SPDX-License-Identifier: Apache-2.0
"""A Redis that is there but cannot be worked with: the worker says why in one line, runs
nothing twice, and goes on by itself once the server can."""

import concurrent.futures
import os
import re
import shutil

import pytest
import redis

pytestmark = [pytest.mark.petiole_only, pytest.mark.timeout(120)]


def works(client, value, seconds=40):
    answer = client.get(client.send("demo.echo", value), timeout=seconds)
    assert answer.get("value") == value, answer
    return True


@pytest.fixture
def steady(stage, kind, redis_server, producer):
    """A worker that has worked, and a place in its log."""
    worker = stage.worker(kind, redis_server)
    assert works(producer, "before")
    worker.since = worker.mark()
    return worker


def lines(worker, pattern):
    return [line for line in worker.lines[worker.since:] if re.search(pattern, line)]


# ---- what the server says to every write -------------------------------------------

def test_out_of_memory_is_said_once_and_runs_nothing_twice(
        stage, kind, redis_server, producer, broker, ledger, plugins, late, all_done):
    workers = [stage.worker(kind, redis_server, hostname=f"w{n}@h{n}", plugins=plugins, config=late)
               for n in (1, 2)]
    ids = producer.send_many("ledger.work", [[ledger.path, str(n), 300] for n in range(40)])
    redis_server.until(lambda r: len(ledger.ends()) >= 4)
    broker.config_set("maxmemory", 1)
    try:
        workers[0].wait_line(r"cannot .*: OOM command not allowed.*\(raise maxmemory", 20)
        with pytest.raises(AssertionError, match="never printed"):
            workers[0].wait_line("this line never comes", 8)  # twice a node's TTL
    finally:
        broker.config_set("maxmemory", 0)
    all_done(ids)
    assert max(ledger.starts().values()) == 1
    for worker in workers:
        assert worker.count("ERROR.*OOM") <= 3, worker.text
        assert not worker.count("EXECABORT"), worker.text


def test_a_snapshot_that_fails_is_said_and_healed(stage, kind, clients):
    server = stage.redis(save="3600 1", enable_protected_configs="yes")
    client = server.client()
    clients["new"].connect(server.url(), server.url())
    worker = stage.worker(kind, server)
    assert works(clients["new"], "before")
    gone = os.path.join(server.directory, "gone")
    os.mkdir(gone)
    client.config_set("dir", gone)
    shutil.rmtree(gone)
    client.bgsave()
    worker.wait_line(r"cannot .*: MISCONF .*\(Redis cannot write its snapshot", 20)
    client.config_set("stop-writes-on-bgsave-error", "no")
    assert works(clients["new"], "after")


def test_a_script_that_never_ends_is_waited_for(steady, redis_server, producer, broker):
    broker.config_set("busy-reply-threshold", 100)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        script = pool.submit(redis_server.client().eval, "while true do end", 0)
        try:
            steady.wait_line(r"BUSY Redis is busy running a script.*\(a script runs for too long", 20,
                             since=steady.since)
        finally:
            broker.script_kill()
        with pytest.raises(redis.ResponseError, match="killed by user"):
            script.result(20)  # SCRIPT KILL is answered before it: until now Python, too, meets BUSY
    assert works(producer, "after")


def test_flushed_scripts_are_loaded_again_at_once(steady, producer, broker):
    broker.script_flush()
    assert works(producer, "after", 5)
    assert lines(steady, "Redis has lost its scripts: they are loaded again")
    assert not lines(steady, "NOSCRIPT|onnection to broker lost")


def test_flushed_keys_are_written_again(steady, producer, broker, redis_server):
    broker.flushall()
    assert works(producer, "after")
    redis_server.until(lambda r: r.hlen("petiole.nodes") == 1, what="the worker is known again")


# ---- what it is --------------------------------------------------------------------

def test_a_replica_is_not_worked_with_until_it_is_promoted(stage, kind, redis_server, clients):
    replica = stage.redis(replicaof=f"127.0.0.1 {redis_server.port}")
    replica.process.wait_line("Finished with success")
    worker = stage.worker(kind, replica, backend="", ready=False)
    worker.wait_line("Cannot connect to .*the server is a read-only replica: give the URL of its master")
    replica.client().replicaof("NO", "ONE")
    worker.wait_ready()
    assert worker.running()


def test_a_master_that_becomes_a_replica_is_left_and_found_again(
        stage, steady, redis_server, producer, broker):
    other = stage.redis()
    broker.replicaof("127.0.0.1", other.port)
    steady.wait_line("takes no writes any more: (READONLY|UNBLOCKED|LOADING)|closed the connection",
                     10, since=steady.since)
    steady.wait_line("Cannot connect to .*read-only replica", 20, since=steady.since)
    broker.replicaof("NO", "ONE")
    assert works(producer, "after")


def test_a_server_that_loads_its_data_is_waited_for(stage, kind, clients):
    server = stage.redis(appendonly="yes", key_load_delay="2000")
    worker = stage.worker(kind, server)
    pipe = server.client().pipeline(transaction=False)
    for n in range(3000):
        pipe.set(f"key{n}", n)
    pipe.execute()
    server.kill()
    since = worker.mark()
    server.launch()
    worker.wait_line(r"the server is still loading its data \(.* %\)|LOADING", 20, since=since)
    worker.wait_line("Connected to redis://", 60, since=since)
    clients["new"].connect(server.url(), server.url())
    assert works(clients["new"], "after")


def test_a_restart_without_its_data_is_survived(steady, redis_server, producer):
    redis_server.kill()
    redis_server.start()
    producer.connect(redis_server.url(), redis_server.url())
    assert works(producer, "after")
    assert lines(steady, "Connected to redis://")


@pytest.mark.timeout(60)
def test_a_cluster_is_refused_in_one_line(stage, kind):
    server = stage.redis(cluster_enabled="yes")
    worker = stage.worker(kind, server, ready=False)
    worker.tolerate("Redis Cluster")
    assert worker.wait_exit(20) == 1
    assert worker.count(r"cannot work with redis://.*: it is a node of a Redis Cluster, .*give the URL") == 1


# ---- who may -----------------------------------------------------------------------

def test_a_password_that_is_wrong_is_said_until_it_is_right(stage, kind, clients):
    server = stage.redis(requirepass="right")
    worker = stage.worker(kind, server, broker=server.url(password="wrong"), ready=False)
    worker.wait_line(r"AUTH refused: WRONGPASS .*\(check the user and the password", 20)
    server.client().config_set("requirepass", "wrong")
    worker.wait_ready(60)
    assert "wrong" not in worker.text


def test_a_missing_right_is_named_and_may_be_granted(steady, stage, redis_server, broker, producer):
    broker.execute_command("ACL", "SETUSER", "default", "-blmove")
    producer.send("demo.echo", "x")  # wakes the listener, which waits anew
    line = steady.wait_line(r"cannot take messages: NOPERM .*", 20, since=steady.since).group()
    assert "blmove" in line and "docs/deployment.md" in line
    broker.execute_command("ACL", "SETUSER", "default", "+blmove")
    assert works(producer, "after")


def test_a_full_house_is_said_until_there_is_room(stage, kind, redis_server, producer, broker):
    guests = [redis_server.client() for _ in range(3)]
    for guest in guests:
        guest.ping()
    broker.config_set("maxclients", len(broker.client_list()))
    worker = stage.worker(kind, redis_server, ready=False)
    worker.wait_line(r"Cannot connect to .*max number of clients reached \(raise its maxclients", 20)
    broker.config_set("maxclients", 1000)
    worker.wait_ready(40)
    assert works(producer, "after")


# ---- several URLs ------------------------------------------------------------------

def test_the_next_url_is_tried_at_once_when_one_fails(stage, kind, redis_server, producer):
    second = stage.redis()
    urls = f"{redis_server.url()};{second.url()}"
    worker = stage.worker(kind, redis_server, broker=urls, backend=second.url(1))
    assert works_on(producer, redis_server.url(), second.url(1))
    since = worker.mark()
    redis_server.kill()
    worker.wait_line("onnection to broker lost", 20, since=since)
    worker.wait_line(f"Connected to redis://:..@127.0.0.1:{second.port}/0", 20, since=since)
    assert works_on(producer, second.url(), second.url(1))


def works_on(producer, broker, backend):
    producer.connect(broker, backend)
    return works(producer, broker)
