#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes bind_vectors.jsonl: what CPython says to calls, fitting and not.

    python3 bind_vectors.py > bind_vectors.jsonl

Each line is {"params", "args", "kwargs"} and either "bound", with null where nothing
was given, or "error", CPython's text for a function called `add`.
"""
import itertools
import json

ROWS = ["", "x", "x y", "a b c", "a b c d", "x?", "x y?", "a b? c?", "a? b? c?"]
KEYWORDS = ["x", "y", "a", "b", "c", "z"]
NOT_GIVEN = None


def function(params):
    names = [p.rstrip("?") for p in params.split()]
    head = ", ".join(n + ("=NOT_GIVEN" if p.endswith("?") else "")
                     for n, p in zip(names, params.split()))
    body = "return [" + ", ".join(names) + "]"
    space = {"NOT_GIVEN": NOT_GIVEN}
    exec(f"def add({head}):\n    {body}", space)
    return space["add"]


def vector(params, args, kwargs):
    line = {"params": params, "args": args, "kwargs": kwargs}
    try:
        line["bound"] = function(params)(*args, **kwargs)
    except TypeError as error:
        line["error"] = str(error)
    return line


def calls():
    for params in ROWS:
        for given in range(6):
            args = list(range(1, given + 1))
            for n in range(3):
                for names in itertools.permutations(KEYWORDS, n):
                    yield params, args, {k: i + 10 for i, k in enumerate(names)}


for call in calls():
    print(json.dumps(vector(*call)))
