# SPDX-License-Identifier: Apache-2.0
"""Result metas made comparable: what must differ between two runs is named, the rest
stays as it was stored."""

import json
import re

# Python gives no reason with a retry that has no exception; the demo plugin does.
REASON = re.compile(r"(Retry in \S+s): (\d+ of \d+|never)$")
JOB = re.compile(r"Job: \d+")
AWARE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$")


def load(raw):
    """The meta in the stored bytes, which must be written as Python's json writes."""
    meta = json.loads(raw)
    assert json.dumps(meta).encode() == raw, "not the bytes that Python's json would write"
    return meta


def comparable(meta, hostname="w1@h1"):
    """The meta with placeholders for ids, times, pids and paths."""
    id = meta["task_id"]

    def named(value):
        if isinstance(value, str):
            return JOB.sub("Job: <n>", value.replace(id, "<id>").replace(hostname, "<worker>"))
        if isinstance(value, list):
            return [named(v) for v in value]
        if isinstance(value, dict):
            return {k: "<pid>" if k == "pid" and isinstance(v, int) else named(v)
                    for k, v in value.items()}
        return value

    def one(key, value):
        if key == "date_done" and value is not None:
            return "<aware>" if AWARE.match(value) else value
        if key == "traceback" and value is not None:
            return ("Traceback (most recent call last):" in value, REASON.sub(r"\1", named(value.strip().splitlines()[-1])))
        return named(value)

    return {key: one(key, value) for key, value in meta.items()}


def differences(ours, theirs, path="", key_order=True):
    """One line for each place where the two differ; none if they are the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}.{k}: only ours has it: {ours[k]!r}" for k in ours.keys() - theirs.keys()]
        found += [f"{path}.{k}: only theirs has it: {theirs[k]!r}" for k in theirs.keys() - ours.keys()]
        for key in ours.keys() & theirs.keys():
            found += differences(ours[key], theirs[key], f"{path}.{key}", key_order)
        if not found and key_order and list(ours) != list(theirs):
            found.append(f"{path}: ours in the order {list(ours)}, theirs {list(theirs)}")
        return sorted(found)
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)) and len(ours) == len(theirs):
        return [line for n, (a, b) in enumerate(zip(ours, theirs))
                for line in differences(a, b, f"{path}[{n}]", key_order)]
    # repr tells 1 from 1.0 and from True, and finds a NaN the same as another
    return [] if repr(ours) == repr(theirs) else [f"{path}: ours {ours!r}, theirs {theirs!r}"]
