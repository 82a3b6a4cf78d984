# SPDX-License-Identifier: Apache-2.0
"""All that one run of a workflow left behind, so that two runs can be compared."""

import collections
import json
import re

from . import meta as metas
from . import naming, wire

ORIGIN = re.compile(r"gen\d+@[^\"]+")
TASK, GROUP = "celery-task-meta-", "celery-taskset-meta-"


def of_run(run):
    """The prefix of all ids that the producer makes in this run."""
    return f"{run:08x}-0000-4000-8000-"


def producers_ids(text, run):
    """Short names in the place of the ids that the producer counted up."""
    text = re.sub(r"d00d0000-0000-4000-8000-0*(\d)", r"doomed\1", text)
    return re.sub(of_run(run) + r"0*([0-9a-f]+)", r"p\1", text)


def without_oids(value):
    """Who waits for an answer differs from run to run, in messages and in signatures."""
    if isinstance(value, dict):
        return {k: "<oid>" if k == "reply_to" and v else without_oids(v) for k, v in value.items()}
    return [without_oids(v) for v in value] if isinstance(value, list) else value


def without_nulls(value):
    """An option of a signature that is null says what one says that is not there."""
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: {o: without_nulls(v) for o, v in value[k].items() if v is not None}
            if k == "options" and isinstance(value[k], dict) else without_nulls(value[k]) for k in value}


def without_brackets(text):
    """What was a list when it came is a list in a Python worker's argsrepr, and a tuple in
    petiole's."""
    return text[1:-1].rstrip(",")


def message_document(queue, raw):
    assert json.dumps(json.loads(raw)).encode() == raw, "not the bytes that Python's json would write"
    message, body = wire.decoded(raw)
    headers, properties = message["headers"], message["properties"]
    message["body"] = without_nulls(body)
    headers["argsrepr"] = without_brackets(headers["argsrepr"])
    properties["delivery_tag"] = "<tag>"
    properties.update({"expiration": "<ms>"} if properties.get("expiration") else {})
    for made in (headers, properties):  # a retry's properties have it too
        made.update({"origin": ORIGIN.sub("<origin>", made["origin"])} if "origin" in made else {})
    for name in ("eta", "expires"):
        headers[name] = headers[name] and "<time>"
    return {"queue": queue, **without_oids(message)}


def meta_document(raw):
    meta = json.loads(raw)
    assert json.dumps(meta).encode() == raw, "not the bytes that Python's json would write"
    return metas.comparable({**meta, "task_id": meta["task_id"]}) | {"task_id": meta["task_id"]}


def key_documents(client, key):
    """One for each member of a key that a chord left behind: their order is that of ids."""
    kind = client.type(key).decode()
    if kind == "zset":
        values = [[json.loads(part), score] for part, score in client.zrange(key, 0, -1, withscores=True)]
    elif kind == "list":
        values = [json.loads(part) for part in client.lrange(key, 0, -1)]
    elif kind == "set":
        values = [member.decode() for member in client.smembers(key)]
    elif kind == "string":
        value = client.get(key).decode()
        claim = key.endswith(".c") and value != "done"
        values = ["<claim>" if claim else value if key[-2] == "." else json.loads(value)]
    else:  # gone meanwhile
        values = []
    return [{"key": key, "value": value, "expires": client.ttl(key) > 0} for value in values]


class Recording:
    """messages, metas by task id, what is in other keys, and what the caller got."""

    def __init__(self, client, run, published, result, got):
        def named(document):
            return json.loads(producers_ids(json.dumps(document, default=repr), run))

        self.result, self.got = named(without_oids(result)), named(got)
        self.messages = [named(message_document(queue, raw)) for queue, raw in published]
        self.metas, self.keys = {}, []
        for key in client.keys(f"{TASK}*"):
            meta = named(meta_document(client.get(key)))
            self.metas[meta["task_id"]] = meta
        for key in client.keys(f"{GROUP}*"):
            self.keys += named(key_documents(client, key.decode()))

    def documents(self):
        parts = {m["headers"]["id"]: m["headers"]["group"] for m in self.messages
                 if m["body"][2].get("chord")}
        roots = self._interchangeable_roots()
        return [{"result": self.result, "got": self.got},
                *(without_last_part(m, parts, roots) for m in self.messages),
                *(without_last_part({"meta": self._without_others_children(m)}, parts, roots)
                  for m in self.metas.values()),
                *self.keys]

    def _without_others_children(self, meta):
        """What one task stores for another has its own children: which one's is chance."""
        ran = any(m["headers"]["id"] == meta["task_id"] for m in self.messages) and \
            not (meta["status"] == "FAILURE" and meta["result"]["exc_type"] == "ChordError")
        return meta if ran else {**meta, "children": "<of some task>"}

    def _interchangeable_roots(self):
        """{root: all of which any may be that of a chord's body}: the parts' roots."""
        of_group, found = collections.defaultdict(set), {}
        for message in self.messages:
            if message["body"][2].get("chord"):
                of_group[message["headers"]["group"]].add(message["headers"]["root_id"])
        for roots in of_group.values():
            union = set().union(roots, *(found.get(root, ()) for root in roots))
            found.update(dict.fromkeys(union, union))
        return {root: all for root, all in found.items() if len(all) > 1}


def without_last_part(document, parts, roots):
    """A chord's body is the child of the part that happened to end last."""
    def loose(value):
        if isinstance(value, list):
            return [loose(v) for v in value]
        if not isinstance(value, dict):
            return value
        value = {k: loose(v) for k, v in value.items()}
        if value.get("parent_id") in parts:
            value["parent_id"] = f"<a part of {parts[value['parent_id']]}>"
        if value.get("root_id") in roots and value["root_id"] != value.get("id"):
            value["root_id"] = f"<one of {sorted(roots[value['root_id']])}>"
        return value

    return loose(document)


def differences(ours, theirs):
    """What only one of two recordings has, place by place where two documents are alike."""
    ours, theirs = (collections.Counter(naming.renamed(r.documents())) for r in (ours, theirs))
    left = [json.loads(text) for text in sorted((theirs - ours).elements())]
    lines = []
    for text in sorted((ours - theirs).elements()):
        mine = json.loads(text)
        like = min((d for d in left if kind_of(d) == kind_of(mine)), default=None,
                   key=lambda d: len(metas.differences(mine, d, key_order=False)))
        if like is None:
            lines.append(f"only ours: {text}")
        else:
            left.remove(like)
            lines += metas.differences(mine, like, kind_of(mine), key_order=False)
    return lines + [f"only theirs: {naming.text_of(d)}" for d in left]


def kind_of(document):
    if "headers" in document:
        return f"message of {document['headers']['task']}"
    return "meta" if "meta" in document else "key" if "key" in document else "caller"
