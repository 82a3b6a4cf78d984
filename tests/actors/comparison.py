# SPDX-License-Identifier: Apache-2.0
"""The same call on two workers, and what came of it on either."""

import json
import time

from . import meta as metas


class Watcher:
    """Every meta published in a Redis database, in order."""

    def __init__(self, server, db=0):
        self._client = server.client(db)
        self._pubsub = self._client.pubsub()
        self._pubsub.psubscribe("celery-task-meta-*")
        assert self._pubsub.get_message(timeout=5)["type"] == "psubscribe"

    def until_final(self, id, worker, seconds=20):
        """The raw metas of one task up to its final state."""
        deadline, found = time.monotonic() + seconds, []
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"{id} reached no final state within {seconds} s: {found}"
            assert worker.running(), f"{worker.name} died:\n{worker.text}"
            message = self._pubsub.get_message(timeout=min(left, 1))
            if not message or not message["channel"].decode().endswith(id):
                continue
            found.append(message["data"])
            if json.loads(message["data"])["status"] in ("SUCCESS", "FAILURE", "REVOKED"):
                return found

    def close(self):
        self._pubsub.close()
        self._client.close()


class Side:
    """One worker with its Redis and a producer: half of a comparison."""

    def __init__(self, stage, kind, client, config=None, **options):
        self.server = stage.redis()
        self.broker = self.server.client()
        self.worker = stage.worker(kind, self.server, config=config, **options)
        self.client = client
        self.conf = {}  # of the producer
        self.kind = kind

    def connect(self, client):
        self.client = client
        client.connect(self.server.url(), self.server.url(), **self.conf)

    def call(self, name, *args, _options=None, **kwargs):
        """Sends, waits for the end, and says what was stored on the way."""
        self.connect(self.client)
        watcher = Watcher(self.server)
        try:
            id = self.client.send(name, *args, _options=_options, **kwargs)
            published = watcher.until_final(id, self.worker)
            key = f"celery-task-meta-{id}"
            stored = self.broker.get(key)
            if stored != published[-1] and self.kind != "petiole":
                # A Python worker stores a failure by the hard limit twice.
                published[-1] = watcher.until_final(id, self.worker)[-1]
        finally:
            watcher.close()
        assert stored == published[-1], "what is stored is not what was published"
        return Outcome(id, [metas.load(raw) for raw in published], self.broker.ttl(key),
                       self.client.get(id))


class Outcome:
    def __init__(self, id, published, ttl, got):
        self.id, self.published, self.ttl, self.got = id, published, ttl, got
        self.meta = published[-1]

    def comparable(self):
        return {"published": [metas.comparable(m) for m in self.published],
                "ttl": self.ttl, "got": self._without_id(self.got)}

    def _without_id(self, value):
        text = json.dumps(value, default=repr).replace(self.id, "<id>")
        return metas.JOB.sub("Job: <n>", text)


class Pair:
    """The worker under test and a Python worker, given the same calls."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def same(self, name, *args, _options=None, **kwargs):
        """Makes the call on both and demands the same outcome; returns ours."""
        ours = self.ours.call(name, *args, _options=_options, **kwargs)
        theirs = self.theirs.call(name, *args, _options=_options, **kwargs)
        found = metas.differences(ours.comparable(), theirs.comparable())
        assert not found, "\n".join(found)
        return ours
