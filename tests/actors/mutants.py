# SPDX-License-Identifier: Apache-2.0
"""Recorded envelopes, each spoiled in some way that its seed decides: single bytes,
fields, types, values, in the envelope or in its body."""

import base64
import json
import pathlib
import random
import uuid

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "messages"

VALUES = [
    None, True, False, 0, -1, 1, 3.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**63, -2**63, 10**40,
    "", " ", "\x00", "\ud800", "é" * 100, "x" * 5000, "0", "-1", "true", "None", "9999-12-31T23:59:59.999999+00:00",
    "1970-01-01T00:00:00", "2024-02-30T00:00:00", "2024-01-01T25:00:00+99:99", "T", "demo.echo", "demo.nobody",
    "../../etc/passwd", "%s%n", "celery", "\x06\x16", [], [None], [[]], [1, 2, 3], {}, {"a": {"b": {}}},
    {"__type__": "datetime", "__value__": "soon"}, [[[[[[[[]]]]]]]], {"": ""},
    "application/x-python-serialize", "application/json", "application/x-yaml", "application/x-msgpack",
    "application/data", "application/x-gzip", "binary", "utf-16", "base64",
]


def recorded():
    """Every recorded envelope, its task made one that the demo plugin has."""
    found = []
    for path in sorted(GOLDEN.glob("*.json*")):
        for line in path.read_text().splitlines():
            try:
                message = json.loads(line)
            except ValueError:  # one that was recorded because it is none
                continue
            if isinstance(message, dict) and "body" in message:
                if message.get("headers", {}).get("task"):
                    message["headers"]["task"] = "demo.add"
                found.append(json.dumps(message))
    return found


def _places(value, found=None):
    """Every (container, key) in a JSON value."""
    found = [] if found is None else found
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.append((value, key))
        _places(item, found)
    return found


def _spoil_tree(value, dice):
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        places = _places(value)
        if not places:
            return value
        container, key = dice.choice(places)
        deed = dice.randrange(4)
        if deed == 0:
            del container[key]
        elif deed == 1 and isinstance(container, dict):
            container[dice.choice(["", "id", "task", key + "x", "\x00"])] = container.pop(key)
        elif deed == 2 and isinstance(container, list):
            container.insert(key, container[key])
        else:
            container[key] = dice.choice(VALUES)
    return value


def _spoil_bytes(raw, dice):
    raw = bytearray(raw)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at = dice.randrange(len(raw) + 1)
        deed = dice.randrange(5)
        if deed == 0:
            raw[at:at + 1] = bytes([dice.randrange(256)])
        elif deed == 1:
            del raw[at:at + dice.choice([1, 2, 50])]
        elif deed == 2:
            raw[at:at] = dice.choice([b"\x00", b"\xff", b"{", b"[", b'"', b"\\", b"\\u", b"[" * 3000, b'"' * 5])
        elif deed == 3:
            raw = raw[:at]
        else:
            raw[at:at] = raw[at // 2:at][:200]
    return bytes(raw)


def mutant(seed, originals):
    """(bytes, id or None): the message of this seed, and by what a result would be known."""
    dice = random.Random(seed)
    id = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    message = json.loads(dice.choice(originals))
    headers = message.get("headers") or {}
    if headers.get("id"):
        headers["id"] = message["properties"]["correlation_id"] = id
    body = base64.b64decode(message["body"])
    if body.startswith(b"{"):  # the first protocol
        body = json.dumps({**json.loads(body), "task": "demo.add", "id": id}).encode()
        message["body"] = base64.b64encode(body).decode()
    where = dice.randrange(6)
    if where == 0:
        return _known(_spoil_bytes(json.dumps(message).encode(), dice))
    if where == 1:
        message["body"] = base64.b64encode(_spoil_bytes(body, dice)).decode()
    elif where == 2:
        try:
            message["body"] = base64.b64encode(json.dumps(_spoil_tree(json.loads(body), dice)).encode()).decode()
        except ValueError:  # compressed, pickled, YAML
            message["body"] = base64.b64encode(_spoil_bytes(body, dice)).decode()
    else:
        message = _spoil_tree(message, dice)
    return _known(json.dumps(message).encode())


def _known(raw):
    return raw, id_of(raw)


def id_of(raw):
    """The task's id where Python finds one."""
    try:
        message = json.loads(raw)
        if isinstance(message, list):
            message = message[0]
        headers = message.get("headers")
        if not isinstance(headers, dict) or "task" not in headers:  # the first protocol has it in its body
            headers = json.loads(base64.b64decode(message["body"]))
        id = headers.get("id")
        return id if isinstance(id, str) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
