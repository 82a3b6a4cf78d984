# SPDX-License-Identifier: Apache-2.0
"""broker_transport_options of kombu's Redis transport, and task_queues: keys, channels,
lists and bindings lie where a Python worker with the same settings has them."""

import json
import re

import pytest

from actors import wire

ODD = {"global_keyprefix": "pre_", "sep": ":", "priority_steps": [0, 2, 5],
       "unacked_key": "mine", "unacked_index_key": "mine_index", "unacked_mutex_key": "mine_mutex"}
EVERY_STEP = {"priority_steps": list(range(10))}


def received(worker):
    return [m[1] for line in worker.lines if (m := re.search(r"Task \S+\[(.+?)\] received", line))]


@pytest.fixture
def connect(clients, redis_server):
    """A producer with these transport options, and these further settings."""

    def get(options, **conf):
        client = clients["new"]
        client.connect(redis_server.url(), redis_server.url(), broker_transport_options=options, **conf)
        return client

    return get


def test_every_key_has_the_prefix_and_the_names_that_were_set(connect, start, broker, redis_server):
    producer = connect(ODD)
    start(config={"broker_transport_options": ODD, "task_acks_late": True})
    id = producer.send("demo.sleep", 1.0, _options={"priority": 4})
    redis_server.until(lambda r: r.hlen("pre_mine") == 1, what="it is held")
    assert broker.zcard("pre_mine_index") == 1
    keys = {k for k in broker.keys() if not k.startswith(b"celery-task-meta-")}
    assert all(k.startswith(b"pre_") for k in keys), keys
    assert broker.smembers("pre__kombu.binding.celery") >= {b"celery::celery"}
    assert producer.get(id)["value"] == 1.0


def test_priorities_go_to_the_steps_that_were_set(connect, start, broker):
    producer = connect(ODD)
    sent = [(p, producer.send("demo.echo", p, _options={"priority": p})) for p in (9, 5, 4, 2, 1, 0)]
    assert [broker.llen(f"pre_celery{s}") for s in ("", ":2", ":5")] == [2, 2, 2]
    worker = start(config={"broker_transport_options": ODD}, concurrency=1)
    assert [producer.get(id)["value"] for _, id in sent] == [p for p, _ in sent]
    step = {id: (5 if p >= 5 else 2 if p >= 2 else 0) for p, id in sent}
    order = [step[id] for id in received(worker)]
    assert order == sorted(order)


def test_ten_priority_steps_are_ten_lists(connect, start, broker):
    producer = connect(EVERY_STEP)
    ids = [producer.send("demo.echo", p, _options={"priority": p}) for p in range(10)]
    assert broker.llen("celery\x06\x167") == 1
    start(config={"broker_transport_options": EVERY_STEP})
    assert [producer.get(id)["value"] for id in ids] == list(range(10))


@pytest.mark.parametrize("strategy, first", [("priority", "zab"), ("sorted", "abz")])
def test_the_order_of_queues_is_the_strategys(producer, start, strategy, first):
    ids = {q: [producer.send("demo.echo", n, _options={"queue": q}) for n in range(5)] for q in "abz"}
    config = {"broker_transport_options": {"queue_order_strategy": strategy}}
    worker = start(queues="z,a,b", concurrency=1, config=config, options=["--prefetch-multiplier", "1"])
    for id in sum(ids.values(), []):
        producer.get(id)
    queue_of = {id: q for q in ids for id in ids[q]}
    assert "".join(queue_of[id] for id in received(worker)) == "".join(q * 5 for q in first)


@pytest.mark.parametrize("first, second", [("new", "kind"), ("kind", "new")])
def test_either_worker_restores_what_the_other_held_under_such_options(
        stage, connect, redis_server, kind, first, second):
    producer = connect(ODD)
    names = {"kind": kind, "new": "new"}
    config = {"broker_transport_options": {"visibility_timeout": 2, **ODD}}
    dead = stage.worker(names[first], redis_server, hostname="dead@h1", config=config)
    id = producer.send("demo.echo", "held", _options={"countdown": 4, "priority": 5})
    redis_server.until(lambda r: r.hlen("pre_mine") == 1)
    dead.kill_hard()
    stage.worker(names[second], redis_server, hostname="heir@h2", config=config)
    redis_server.until(lambda r: r.exists(f"celery-task-meta-{id}"), seconds=60)
    assert producer.get(id)["value"] == "held"
    redis_server.until(lambda r: not r.exists("pre_mine", "pre_mine_index", "pre_celery"))


# ---- task_queues


QUEUES = {
    "plain": {},
    "named": {"exchange": "media", "routing_key": "media.video"},
    "wide": {"exchange": "news", "exchange_type": "topic", "routing_key": "news.#"},
    "word": {"exchange": "news", "exchange_type": "topic", "routing_key": "*.sport.*"},
}


def bindings(client):
    return {key: client.smembers(key) for key in client.keys("_kombu.binding*")
            if key.split(b".")[-1] in (b"celery", b"media", b"news")}


def test_queues_are_bound_as_python_binds_them(stage, kind):
    found = {}
    for name in (kind, "new"):
        server = stage.redis()
        stage.worker(name, server, queues=None, config={"task_queues": QUEUES})
        found[name] = bindings(server.client())
    assert found[kind] == found["new"]
    assert found[kind][b"_kombu.binding.news"]


def test_a_message_of_a_direct_exchange_and_its_retry_reach_the_queue(connect, start):
    producer = connect({})
    start(queues=None, config={"task_queues": QUEUES})
    got = producer.send("demo.retry", 1, 0.1, _options={"exchange": "media", "routing_key": "media.video"})
    assert producer.get(got)["state"] == "SUCCESS"


@pytest.mark.petiole_only
def test_what_a_handler_sends_reaches_each_queue_whose_pattern_fits(connect, start, broker, redis_server):
    producer = connect({})
    start(queues="plain", config={"task_queues": QUEUES})
    broker.sadd("_kombu.binding.news", "news.#\x06\x16^news\\..*?$\x06\x16wide",
                "*.sport.*\x06\x16^[^\\.]+\\.sport\\.[^\\.]+$\x06\x16word",
                "other.#\x06\x16^other\\..*?$\x06\x16no")
    id = producer.send("demo.send", "nowhere.known", [], {}, {"exchange": "news", "routing_key": "news.sport.late"},
                       _options={"queue": "plain"})
    assert producer.get(id)["state"] == "SUCCESS"
    assert [broker.llen(q) for q in ("wide", "word", "no")] == [1, 1, 0]
    assert broker.lrange("wide", 0, -1) == broker.lrange("word", 0, -1)


def test_q_and_x_choose_among_them(producer, start, broker):
    ids = [producer.send("demo.echo", n, _options={"queue": q}) for n, q in enumerate(("plain", "named"))]
    start(queues="plain,named,other", options=["-X", "named"], config={"task_queues": QUEUES})
    assert producer.get(ids[0])["value"] == 0
    assert broker.llen("named") == 1


@pytest.mark.petiole_only
def test_a_retry_goes_through_its_exchange(connect, start, broker):
    connect({})
    message = wire.envelope("demo.retry", (1, 0.1), properties={
        "delivery_info": {"exchange": "news", "routing_key": "news.sport.late"}})
    broker.sadd("_kombu.binding.news", "*.sport.*\x06\x16^[^\\.]+\\.sport\\.[^\\.]+$\x06\x16word")
    worker = start(queues="wide", config={"task_queues": QUEUES})
    wire.push(broker, message, queue="wide")
    worker.wait_line("succeeded|retry: ")
    worker.wait_line("succeeded", 20)
    [copy] = broker.lrange("word", 0, -1)
    assert json.loads(copy)["headers"]["retries"] == 1


@pytest.mark.petiole_only
def test_a_queue_that_expires_is_bound_with_a_deadline(start, broker):
    start(queues=None, config={"task_queues": {"brief": {"queue_arguments": {"x-expires": 60000}}}})
    assert broker.zscore("_kombu.binding_deadlines", "celery") > 0
    assert not broker.exists("_kombu.binding_permanent.celery")


@pytest.mark.petiole_only
@pytest.mark.parametrize("config, why", [
    ({"broker_transport_options": {"ack_emulation": False}}, "ack_emulation must be true"),
    ({"broker_transport_options": {"priority_steps": [3, 0]}}, "ascending"),
    ({"broker_transport_options": {"sep": ""}}, "sep is empty"),
    ({"task_queues": {"all": {"exchange": "all", "exchange_type": "fanout"}}}, "fanout"),
    ({"task_queues": [1]}, "a name or an object"),
    ({"task_queues": {"a": {}}, "task_create_missing_queues": False}, "task_create_missing_queues"),
    ({"unknown_tasks": "drop"}, "requeue, reject or queue:NAME"),
])
def test_options_that_would_lose_messages_are_refused(stage, redis_server, config, why):
    worker = stage.worker("petiole", redis_server, ready=False, config=config, queues="celery")
    assert worker.wait_exit() != 0
    assert any(why in line for line in worker.lines), worker.text


# ---- bad input


@pytest.mark.petiole_only
def test_a_queue_that_is_no_list_does_not_stop_the_others(producer, start, broker):
    broker.set("odd", "a string")
    worker = start(queues="odd,celery")
    for n in range(5):
        assert producer.get(producer.send("demo.echo", n))["value"] == n
    worker.wait_line("cannot take from queue 'odd': .*WRONGTYPE")
    commands = broker.info("stats")["total_commands_processed"]
    assert producer.get(producer.send("demo.sleep", 1.0))["value"] == 1.0
    assert broker.info("stats")["total_commands_processed"] - commands < 300, "it does not spin"
    assert worker.count("cannot take from queue") == 1
    broker.delete("odd")
    assert producer.get(producer.send("demo.echo", 7, _options={"queue": "odd"}))["value"] == 7


@pytest.mark.petiole_only
def test_an_unacked_hash_edited_by_hand_is_cleared(start, broker, redis_server):
    good = json.dumps(wire.envelope("demo.echo", ("kept",), id="kept"))
    broker.hset("unacked", mapping={"a": "nonsense", "b": "[]", "c": "[1, 2, 3]", "x" * 300: f'[{good}, "", "celery"]'})
    broker.zadd("unacked_index", {"a": 1, "b": 2, "c": 3, "x" * 300: 4, "nothing": 5})
    start()
    redis_server.until(lambda r: r.exists("celery-task-meta-kept"))
    redis_server.until(lambda r: not r.exists("unacked", "unacked_index"))
    assert broker.llen("petiole.dead") == 3


@pytest.mark.petiole_only
def test_two_workers_of_one_name_share_a_queue(producer, start):
    a, b = start(hostname="same@h1"), start(hostname="same@h1")
    ids = [producer.send("demo.echo", n) for n in range(40)]
    assert [producer.get(id)["value"] for id in ids] == list(range(40))
    assert sorted(received(a) + received(b)) == sorted(ids), "each ran once"


@pytest.mark.parametrize(("prefix", "key", "versions"), [
    ("pre", "pre_celery-task-meta-", ("old", "new")),
    ("pre:", "pre:celery-task-meta-", ("new",)),  # Celery before 5.5 has a "_" here, too
])
def test_results_lie_under_their_own_prefix(clients, start, broker, redis_server, prefix, key, versions):
    options = {"global_keyprefix": prefix}
    worker = start(config={"result_backend_transport_options": options, "task_acks_late": True})
    for version in versions:
        producer = clients[version]
        producer.connect(redis_server.url(), redis_server.url(), result_backend_transport_options=options)
        id = producer.send("demo.sleep", 0.2)
        assert producer.get(id)["value"] == 0.2
        assert json.loads(broker.get(key + id))["status"] == "SUCCESS"
        redis_server.until(lambda r: not r.exists("unacked"), what="it is acknowledged")
        again = wire.envelope("demo.sleep", (0.2,), id=id)
        again["properties"]["delivery_info"]["redelivered"] = True
        wire.push(broker, again)
        redis_server.until(lambda r: not r.exists("unacked", "celery"), what="the copy is settled")
        if worker.kind == "petiole":
            worker.wait_line(rf"Task demo.sleep\[{id}\] was finished before \(SUCCESS\)")
    assert not broker.keys("celery-task-meta-*")
