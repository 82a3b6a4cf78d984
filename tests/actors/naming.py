# SPDX-License-Identifier: Apache-2.0
"""Names for random ids that depend only on where an id stands: two runs of one workflow
whose documents are the same but for ids and order get the same names.

Each id starts with the same name; again and again it gets the digest of the documents
that hold it, with all ids in them by their present names. What still has the same name
when nothing changes any more stands in the same places, and is interchangeable."""

import collections
import hashlib
import json
import re

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
ROUNDS = 30  # a chain of ids that only its end tells apart needs one for each of them


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def text_of(document):
    return json.dumps(document, sort_keys=True)


def renamed(documents):
    """The documents' sorted texts, with names in the place of random ids."""
    texts = [text_of(d) for d in documents]
    names = {id: "" for text in texts for id in UUID.findall(text)}
    for _ in range(ROUNDS):
        found = collections.defaultdict(list)
        for text in texts:
            for id in set(UUID.findall(text)):
                found[id].append(digest(replaced(text, {**names, id: "this"})))
        new = {id: digest(repr(sorted(where))) for id, where in found.items()}
        if len(set(new.values())) == len(set(names.values())):
            break
        names = new
    return sorted(replaced(text, names) for text in texts)


def replaced(text, names):
    return UUID.sub(lambda m: f"<{names[m[0]]}>", text)
