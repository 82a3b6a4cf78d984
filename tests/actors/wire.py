# SPDX-License-Identifier: Apache-2.0
"""Messages made by hand, byte for byte as kombu makes them or deliberately not."""

import base64
import json
import uuid
import zlib

UNSET = object()


def envelope(task="demo.add", args=(1, 2), kwargs=None, *, id=None, body=UNSET, headers=None,
             drop=(), properties=None, content_type="application/json",
             content_encoding="utf-8", queue="celery", priority=0):
    """An envelope as a dict; `body` is the text to put instead of [args, kwargs, embed],
    `drop` names headers to leave out."""
    id = id or str(uuid.uuid4())
    if body is UNSET:
        body = json.dumps([list(args), kwargs or {},
                           {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    if isinstance(body, str):
        body = body.encode()
    made = {
        "lang": "py", "task": task, "id": id, "shadow": None, "eta": None, "expires": None,
        "group": None, "group_index": None, "retries": 0, "timelimit": [None, None],
        "root_id": id, "parent_id": None, "argsrepr": repr(tuple(args)),
        "kwargsrepr": repr(kwargs or {}), "origin": "gen1@tests", "ignore_result": False,
        "replaced_task_nesting": 0, "stamped_headers": None, "stamps": {}, **(headers or {})}
    return {
        "body": base64.b64encode(body).decode(), "content-encoding": content_encoding,
        "content-type": content_type,
        "headers": {k: v for k, v in made.items() if k not in drop},
        "properties": {
            "correlation_id": id, "reply_to": str(uuid.uuid4()), "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue}, "priority": priority,
            "body_encoding": "base64", "delivery_tag": str(uuid.uuid4()), **(properties or {})}}


def push(client, message, queue="celery"):
    """As a producer does; returns the bytes that lie in the list."""
    raw = message if isinstance(message, bytes) else (
        message.encode() if isinstance(message, str) else json.dumps(message).encode())
    client.lpush(queue, raw)
    return raw


def decoded(raw):
    """(envelope, body) of a message in a list or in `unacked`."""
    message = json.loads(raw)
    if isinstance(message, list):
        message = message[0]
    body = base64.b64decode(message["body"])
    if message["headers"].get("compression") == "application/x-gzip":
        body = zlib.decompress(body)
    return message, json.loads(body)
