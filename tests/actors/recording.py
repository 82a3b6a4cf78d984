# SPDX-License-Identifier: Apache-2.0
"""What a producer put into one Redis, put into another as often as it is needed."""

import base64
import json


class Recording:
    """All keys of `client`. `path` stands in the messages' bodies and is replaced by
    another when they are played."""

    def __init__(self, client, path):
        self._path = path
        self._keys = {key: client.dump(key) for key in client.scan_iter() if client.type(key) != b"list"}
        self._messages = {key: client.lrange(key, 0, -1) for key in client.scan_iter(_type="list")}

    def play(self, client, path):
        for key, dump in self._keys.items():
            client.restore(key, 0, dump)
        for key, messages in self._messages.items():
            client.rpush(key, *(self._readdressed(raw, path) for raw in messages))

    def _readdressed(self, raw, path):
        message = json.loads(raw)
        body = base64.b64decode(message["body"]).decode().replace(self._path, path)
        return json.dumps({**message, "body": base64.b64encode(body.encode()).decode()})
