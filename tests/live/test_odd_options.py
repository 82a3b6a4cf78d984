# SPDX-License-Identifier: Apache-2.0
"""Times, limits and numbers in a message that make little sense or none. Each costs its
own task at most: the next one runs."""

import datetime
import json

import pytest

from actors import wire

pytestmark = pytest.mark.petiole_only


def in_seconds(n):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)).isoformat()


# headers (or properties): what comes of it. "dead": kept with the reason, as what Python
# calls an invalid message; "held": waits; else the stored status.
CASES = {
    "an eta in the year 9999": ({"eta": "9999-12-31T23:59:59.999999+00:00"}, "held"),
    "an eta in 1970": ({"eta": "1970-01-01T00:00:00+00:00"}, "SUCCESS"),
    "an eta in the year 1": ({"eta": "0001-01-01T00:00:00"}, "SUCCESS"),
    "an eta without a time": ({"eta": "2001-01-01"}, "SUCCESS"),
    "an eta without a date": ({"eta": "12:00:00"}, "dead"),
    "an eta that is a number": ({"eta": 1700000000}, "dead"),
    "an empty eta": ({"eta": ""}, "SUCCESS"),
    "an expires before the eta": ({"eta": in_seconds(1.5), "expires": in_seconds(0.5)}, "REVOKED"),
    "an expires in the year 9999": ({"expires": "9999-12-31T23:59:59+00:00"}, "SUCCESS"),
    "an expires in 1970": ({"expires": "1970-01-01T00:00:00+00:00"}, "REVOKED"),
    "no limits": ({"timelimit": None}, "SUCCESS"),
    "limits of zero": ({"timelimit": [0, 0]}, "SUCCESS"),
    "a huge limit": ({"timelimit": [1e300, 1e300]}, "SUCCESS"),
    "a negative limit": ({"timelimit": [-1, None]}, "dead"),
    "a limit that is no number": ({"timelimit": [float("nan"), None]}, "dead"),
    "an endless limit": ({"timelimit": [float("inf"), None]}, "dead"),
    "limits as text": ({"timelimit": "10"}, "dead"),
    "a limit as text": ({"timelimit": ["10", None]}, "dead"),
    "three limits": ({"timelimit": [1, 2, 3]}, "dead"),
    "one limit": ({"timelimit": [10]}, "dead"),
    "a soft limit beyond the hard one": ({"timelimit": [5, 10]}, "SUCCESS"),
    "retries as text": ({"retries": "3"}, "dead"),
    "negative retries": ({"retries": -1}, "dead"),
    "retries beyond all measure": ({"retries": 2**70}, "dead"),
    "retries that are a fraction": ({"retries": 1.5}, "dead"),
    "retries that are a list": ({"retries": [1]}, "dead"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_makes_no_sense_costs_its_own_task(start, broker, producer, redis_server, name):
    headers, expected = CASES[name]
    message = wire.envelope("demo.add", (1, 2), headers=headers)
    wire.push(broker, message)
    worker = start()
    assert producer.get(producer.send("demo.add", 2, 3))["value"] == 5
    key = f"celery-task-meta-{message['headers']['id']}"
    if expected == "dead":
        [letter] = redis_server.until(lambda r: r.lrange("petiole.dead", 0, -1), what="a dead letter")
        assert next(iter(headers)) in json.loads(letter)["reason"]
        assert worker.count("ERROR/MainProcess.*Received invalid task message") == 1
    elif expected == "held":
        assert broker.hlen("unacked") == 1 and not broker.exists(key)
        return
    else:
        assert json.loads(redis_server.until(lambda r: r.get(key)))["status"] == expected
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))


@pytest.mark.parametrize("priority", [255, -1, 2**40, "high", None, 3.7, [1]])
def test_a_priority_that_makes_no_sense_does_not_matter(start, broker, producer, redis_server, priority):
    message = wire.envelope("demo.retry", (1, 0.1), properties={"priority": priority})
    wire.push(broker, message)
    start()
    assert producer.get(message["headers"]["id"])["value"] == 1
    redis_server.until(lambda r: not r.exists("celery", "unacked", "unacked_index"))


def test_a_negative_countdown_starts_at_once(start, producer):
    start()
    assert producer.get(producer.send("demo.add", 1, 2, _options={"countdown": -3600}))["value"] == 3
