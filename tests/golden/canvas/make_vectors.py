# SPDX-License-Identifier: Apache-2.0
"""Records what Celery's canvas makes of signatures, one JSON object per line.

    python3.11 -m venv venv && venv/bin/pip install celery==5.7.0 redis
    venv/bin/python make_vectors.py

build.jsonl    "program": how a client composes; "sig": the signature that it gets
apply.jsonl    "sig", "args", "options": what a worker applies; then what Celery does
replace.jsonl  "program", "request": Task.replace in a task with that request; as above

What Celery does is "events", in order ("call": task, route_name, args, kwargs, options;
"size": set_chord_size; "group": a header saved for its shape; "grow": add_to_chord),
"applied", the id of the result that Python returns, and "trail", what the running task's
children list of it; or "error", the name of the exception.

Ids that were made are new-1, new-2, … in the order in which the record names them.
The same seed gives the same files.
"""
import json
import pathlib
import random

import recorder
from celery.exceptions import Ignore
from recorder import app, apply, build, group, plain, record

HERE = pathlib.Path(__file__).parent
LONGEST = 3_500
WORKER = {"parent_id": "the-parent", "root_id": "the-root"}

# ---- What clients write ---------------------------------------------------------

A, B, C, D, E = (["s", f"t.{name}"] for name in "abcde")
ERR, SUM = ["s", "t.err"], ["s", "t.sum"]
# Of a running task; Python does not see that () and the [] off the wire are equal.
CALLBACK, ERRBACK = ["s", "t.callback"], ["s", "t.errback"]


def header(n=2):
    return [["s", "t.part", [i]] for i in range(n)]


def sig(task, **fields):
    """A signature as bytes say it, which no client of today composes."""
    return ["raw", {"task": task, "args": [], "kwargs": {}, "options": {},
                    "subtask_type": None, "immutable": False, **fields}]


def raw_chain(*parts, **options):
    return ["raw", {"task": "celery.chain", "args": [], "options": options,
                    "kwargs": {"tasks": [plain(build(part)) for part in parts]},
                    "subtask_type": "chain", "immutable": False}]


def raw_group(*parts, **options):
    return ["raw", {"task": "celery.group", "args": [], "options": options,
                    "kwargs": {"tasks": [plain(build(part)) for part in parts]},
                    "subtask_type": "group", "immutable": False}]


PROGRAMS = {
    "a task": ["s", "t.a", [1, 2], {"k": 3}],
    "an immutable task": ["si", "t.a", [1]],
    "a task with options": ["s", "t.a", [], {}, {
        "queue": "fast", "priority": 3, "countdown": 5, "expires": 60,
        "headers": {"my": 1}, "time_limit": 9, "serializer": "json"}],
    "a link": ["link", A, B],
    "two links": ["link", ["link", A, B], C],
    "the same link twice": ["link", ["link", A, B], B],
    "an errback": ["link_error", A, ERR],
    "a link with a link": ["link", A, ["link", B, C]],
    "an immutable link": ["link", A, ["si", "t.b", [7]]],
    "a group as a link": ["link", A, ["group", [B, C]]],
    "a chord as a link": ["link", A, ["chord", header(), SUM]],
    "a chain of two": ["chain", [A, B]],
    "a chain of three": ["or", ["or", A, B], C],
    "a chain of one": ["chain", [A]],
    "an empty chain": ["chain", []],
    "chain in chain": ["chain", [A, ["chain", [B, C]], D]],
    "chain or chain": ["or", ["chain", [A, B]], ["chain", [C, D]]],
    "task or chain": ["or", A, ["chain", [B, C]]],
    "a chain with a link": ["or", ["link", ["chain", [A, B]], C], D],
    "a chain with an errback": ["or", ["link_error", ["chain", [A, B]], ERR], D],
    "a chain with options": ["set", ["chain", [A, B]], {"queue": "q", "priority": 4}],
    "an immutable chain": ["immutable", ["chain", [A, B]]],
    "a group": ["group", [A, B]],
    "a group of one": ["group", [A]],
    "an empty group": ["group", []],
    "a group of a group": ["group", [["group", [A, B]], C]],
    "a group of groups": ["group", [["group", [A, B]], ["group", [C, ["group", [D, E]]]]]],
    "a group of chains": ["group", [["chain", [A, B]], ["chain", [C, D]]]],
    "a group of an empty chain": ["group", [["chain", []], A]],
    "a group of chords": ["group", [["chord", header(), SUM], ["chord", header(1), SUM]]],
    "a group of one chain that ends in a group":
        ["group", [["chain", [A, ["group", [B, C]]]]]],
    "an immutable group": ["immutable", ["group", [A, B]]],
    "a group with options": ["set", ["group", [A, B]], {"queue": "q", "countdown": 3}],
    "a group with a link": ["link", ["group", [A, B]], C],
    "a group with an errback": ["link_error", ["group", [A, B]], ERR],
    "a group of linked tasks": ["group", [["link", A, B], ["link_error", C, ERR]]],
    "task or group": ["or", A, ["group", [B, C]]],
    "task or group or task": ["or", ["or", A, ["group", [B, C]]], D],
    "task or a group of one": ["or", A, ["group", [B]]],
    "group or task": ["or", ["group", [A, B]], C],
    "group or group": ["or", ["group", [A, B]], ["group", [C, D]]],
    "group or an empty group": ["or", ["group", [A, B]], ["group", []]],
    "an empty group or task": ["or", ["group", []], A],
    "a group of one or task": ["or", ["group", [A]], B],
    "group or chain": ["or", ["group", [A, B]], ["chain", [C, D]]],
    "group or group or task": ["or", ["or", ["group", [A, B]], ["group", [C, D]]], E],
    "group or task or task": ["or", ["or", ["group", [A, B]], C], D],
    "group or task or group or task":
        ["or", ["or", ["or", ["group", [A, B]], C], ["group", [D, E]]], SUM],
    "a chain of groups": ["chain", [["group", [A, B]], ["group", [C, D]]]],
    "a chain of three groups":
        ["chain", [["group", [A, B]], ["group", [C, D]], ["group", [E, A]]]],
    "a chain that begins with an empty group": ["chain", [["group", []], A, B]],
    "a chain with an empty group inside": ["chain", [A, ["group", []], B]],
    "a chain that ends in a group": ["chain", [A, B, ["group", [C, D]]]],
    "a chain of an empty chain and a group": ["chain", [["chain", []], ["group", [A, B]]]],
    "a chord": ["chord", header(), SUM],
    "a chord of one": ["chord", header(1), SUM],
    "a chord of none": ["chord", [], SUM],
    "a chord of none with a chain as its body": ["chord", [], ["chain", [A, B]]],
    "a chord of a group": ["chord", [["group", header(3)]], SUM],
    "a chord of chains": ["chord", [["chain", [A, B]], ["chain", [C, D, E]]], SUM],
    "a chord of chords": ["chord", [["chord", header(), SUM], A], SUM],
    "a chord whose body is a chain": ["chord", header(), ["chain", [SUM, A, B]]],
    "a chord whose body is a group": ["chord", header(), ["group", [A, B]]],
    "a chord whose body is an empty group": ["chord", header(), ["group", []]],
    "a chord whose body is a chord": ["chord", header(), ["chord", header(3), SUM]],
    "a chord whose body is a chain that begins with a group":
        ["chord", header(), ["chain", [["group", [A, B]], C]]],
    "a chord whose body is a chain that ends in a group":
        ["chord", header(), ["chain", [A, ["group", [B, C]]]]],
    "a chord of a chain that ends in a group":
        ["chord", [["chain", [A, ["group", [B, C]]]], D], SUM],
    "a chord of a chain that ends in a chord":
        ["chord", [["chain", [A, ["chord", header(), SUM]]], D], SUM],
    "a chord of a nested group": ["chord", [["group", [A, ["group", [B, C]]]], D], SUM],
    "a chord with a link": ["link", ["chord", header(), SUM], A],
    "a chord with an errback": ["link_error", ["chord", header(), SUM], ERR],
    "a chord with an errback on a group body":
        ["link_error", ["chord", header(), ["group", [A, B]]], ERR],
    "a chord of a chord with an errback":
        ["link_error", ["chord", [["chord", header(), SUM], A], SUM], ERR],
    "a chord with options":
        ["set", ["chord", header(), SUM], {"queue": "q", "priority": 2, "countdown": 4}],
    "a chord with link options":
        ["set", ["chord", header(), SUM], {"link": [plain(build(A))],
                                           "link_error": [plain(build(ERR))]}],
    "a chord with link options and a group body":
        ["set", ["chord", header(), ["group", [A, B]]],
         {"link": [plain(build(A))], "link_error": [plain(build(ERR))]}],
    "an immutable chord": ["immutable", ["chord", header(), SUM]],
    "chord or task": ["or", ["chord", header(), SUM], A],
    "chord or group": ["or", ["chord", header(), SUM], ["group", [A, B]]],
    "chord or a group of one": ["or", ["chord", header(), SUM], ["group", [A]]],
    "chord or chain": ["or", ["chord", header(), SUM], ["chain", [A, B]]],
    "chord or chord": ["or", ["chord", header(), SUM], ["chord", header(), SUM]],
    "task or chord": ["or", A, ["chord", header(), SUM]],
    "task or chord or task": ["or", ["or", A, ["chord", header(), SUM]], B],
    "task or chord or group": ["or", ["or", A, ["chord", header(), SUM]], ["group", [B, C]]],
    "chain or chord or group or task":
        ["or", ["or", ["or", ["chain", [A, B]], ["chord", header(), SUM]],
                ["group", [C, D]]], E],
    "chain or chord or chord": ["or", ["or", A, ["chord", header(), SUM]],
                                ["chord", header(), SUM]],
    "a chain of chords": ["chain", [A, ["chord", header(), SUM], B,
                                    ["chord", header(3), SUM], C]],
    "a chain in a chord in a group":
        ["group", [["chord", [["chain", [A, B]], C], SUM], D]],
    "a group in a chain in a group":
        ["group", [["chain", [A, ["group", [B, C]], D]], E]],
    "a stamped task": ["stamp", A, {"case": "one"}],
    "a stamped chain": ["stamp", ["chain", [A, B]], {"case": "one"}],
    "a stamped group": ["stamp", ["group", [A, B]], {"case": "one", "who": ["x", "y"]}],
    "a stamped chord": ["stamp", ["chord", header(), SUM], {"case": "one"}],
    "a stamped link": ["stamp", ["link", ["link_error", A, ERR], B], {"case": "one"}],
    "stamped twice": ["stamp", ["stamp", A, {"case": "one"}], {"case": "two", "n": 1}],
    "a stamped task in a chain": ["or", ["stamp", A, {"case": "one"}], B],
    "a map": ["map", A, [1, 2, 3]],
    "a starmap": ["starmap", A, [[1, 2], [3, 4]]],
    "chunks": ["chunks", A, [[1, 2], [3, 4], [5, 6]], 2],
    "a map in a chain": ["chain", [["map", A, [1, 2]], SUM]],
    "a group of starmaps": ["group", [["starmap", A, [[1]]], ["starmap", A, [[2]]]]],
    "a chord of maps": ["chord", [["map", A, [1, 2]], ["starmap", A, [[1]]]], SUM],
}

# What another version, or another program, may put on the wire.
RAW = {
    "a raw chain in a chain": raw_chain(A, raw_chain(B, C), D),
    "a raw chain of chains": raw_chain(raw_chain(A, B), raw_chain(C, raw_chain(D))),
    "a raw chain that begins with an empty one": raw_chain(raw_chain(), A, B),
    "a raw chain of an empty one": raw_chain(raw_chain()),
    "a raw empty chain": raw_chain(),
    "a raw chain with a group in the middle": raw_chain(A, raw_group(B, C), D),
    "a raw chain of groups": raw_chain(raw_group(A, B), raw_group(C, D), raw_group(E)),
    "a raw chain of empty groups": raw_chain(raw_group(), raw_group()),
    "a raw chain of an empty group and an empty chain": raw_chain(raw_group(), raw_chain()),
    "a raw chain of an empty group and a task": raw_chain(raw_group(), A),
    "a raw chain that ends in an empty group": raw_chain(A, B, raw_group()),
    "a raw chain with an id": raw_chain(A, B, task_id="its-id"),
    "a raw chain with a link": raw_chain(A, B, link=[plain(build(C))]),
    "a raw chain with one link, no list": raw_chain(A, B, link=plain(build(C))),
    "a raw chain with an errback": raw_chain(A, B, link_error=[plain(build(ERR))]),
    "a raw chain with an errback and a chord in it":
        raw_chain(A, ["chord", header(), SUM], link_error=[plain(build(ERR))]),
    "a raw chain in a group's chord": raw_chain(A, B, group_id="its-group", group_index=3,
                                                chord=plain(build(SUM))),
    "a raw chain with a chain option": raw_chain(A, B, chain=[plain(build(C))]),
    "a raw group with an id": raw_group(A, B, task_id="its-id"),
    "a raw group with ids": raw_group(["set", A, {"task_id": "one"}],
                                      ["set", B, {"task_id": "two"}], task_id="its-id",
                                      root_id="its-root", parent_id=None),
    "a raw group in a chord": raw_group(
        ["set", A, {"task_id": "one", "chord": plain(build(SUM))}],
        ["set", B, {"task_id": "two", "chord": plain(build(SUM))}], task_id="its-id",
        group_id="its-id"),
    "a raw group with link": raw_group(A, link=[plain(build(B))]),
    "a raw group with link_error": raw_group(A, link_error=[plain(build(B))]),
    "a raw group with link null": raw_group(A, link=None),
    "a raw group with a chain option": raw_group(A, B, chain=[plain(build(C))]),
    "a task with a chain option": ["set", A, {"chain": [plain(build(C)), plain(build(B))]}],
    "a task with an id": ["set", A, {"task_id": "its-id", "reply_to": "someone"}],
    "a task with a group": ["set", A, {"group_id": "its-group", "group_index": 1}],
    "a task with null options": ["set", A, {"queue": None, "link": None, "expires": None}],
    "a raw map": sig("celery.map", kwargs={"task": plain(build(A)), "it": [1, 2]},
                     subtask_type="xmap", immutable=True),
    "a raw map with options":
        sig("celery.map", kwargs={"task": plain(build(A)), "it": [1, 2]},
            subtask_type="xmap", options={"queue": "q", "task_id": "its-id"}),
    "a raw starmap": sig("celery.starmap", kwargs={"task": plain(build(A)), "it": [[1, 2]]},
                         subtask_type="xstarmap", immutable=True),
    "raw chunks": sig("celery.chunks", kwargs={"task": plain(build(A)), "n": 2,
                                               "it": [[1], [2], [3]]},
                      subtask_type="chunks", immutable=True),
    "raw chunks that come out even":
        sig("celery.chunks", kwargs={"task": plain(build(A)), "n": 2, "it": [[1], [2]]},
            subtask_type="chunks", immutable=True),
    "raw chunks of nothing": sig("celery.chunks", kwargs={"task": plain(build(A)), "n": 2,
                                                          "it": []},
                                 subtask_type="chunks", immutable=True),
    "a raw chord whose header is a group":
        sig("celery.chord", subtask_type="chord",
            kwargs={"kwargs": {}, "header": plain(build(["group", header()])),
                    "body": plain(build(SUM))}),
    "a raw chord with kwargs":
        sig("celery.chord", subtask_type="chord",
            kwargs={"kwargs": {"k": 1}, "header": plain(build(["group", header()])),
                    "body": plain(build(SUM))}),
    "a raw chord whose header is a chain":
        sig("celery.chord", subtask_type="chord",
            kwargs={"kwargs": {}, "header": plain(build(["chain", [A, B]])),
                    "body": plain(build(SUM))}),
    "a raw chord without a body":
        sig("celery.chord", subtask_type="chord",
            kwargs={"kwargs": {}, "header": [plain(build(A))], "body": None}),
    "a raw chord with args": sig("celery.chord", subtask_type="chord", args=[9], kwargs={
        "kwargs": {}, "header": [plain(build(A))], "body": plain(build(SUM))}),
    "an unknown type": sig("t.a", subtask_type="pipeline"),
    "a chain without tasks": sig("celery.chain", subtask_type="chain"),
    "a group without tasks": sig("celery.group", subtask_type="group"),
}

# ---- At random --------------------------------------------------------------------


class Composer:
    def __init__(self, seed):
        self.rng, self.n = random.Random(seed), 0

    def task(self):
        self.n += 1
        verb = self.rng.choice(["s", "s", "s", "si"])
        made = [verb, f"t.{self.n}"]
        if self.rng.random() < 0.3:
            made.append([self.n])
        if self.rng.random() < 0.1:
            made += [[]] * (3 - len(made)) + [{"k": self.n}]
        if self.rng.random() < 0.15:
            made = ["set", made, self.rng.choice([
                {"queue": "q"}, {"priority": 3}, {"countdown": 2}, {"headers": {"h": 1}}])]
        return made

    def parts(self, depth, least=0, most=3):
        return [self.any(depth - 1) for _ in range(self.rng.randint(least, most))]

    def any(self, depth):
        made = self.shape(depth)
        if self.rng.random() < 0.08:
            made = ["link_error", made, self.task()]
        if self.rng.random() < 0.08 and made[0] not in ("group", "chain"):
            made = ["link", made, self.any(min(1, depth - 1))]
        if self.rng.random() < 0.03:
            made = ["stamp", made, {"stamp": self.n}]
        return made

    def shape(self, depth):
        if depth <= 0 or self.rng.random() < 0.25:
            return self.task()
        kind = self.rng.choice(["chain", "group", "chord", "or", "raw chain", "raw group"])
        if kind == "chain":
            return ["chain", self.parts(depth, 1)]
        if kind == "group":
            return ["group", self.parts(depth, self.rng.random() > 0.1)]
        if kind == "chord":
            return ["chord", self.parts(depth, self.rng.random() > 0.1),
                    self.any(depth - 1)]
        if kind == "or":
            return ["or", self.any(depth - 1), self.any(depth - 1)]
        make = raw_chain if kind == "raw chain" else raw_group
        try:
            return make(*self.parts(depth))
        except Exception:
            return self.task()


def at_random(n):
    for seed in range(n):
        yield f"random {seed}", Composer(seed).any(random.Random(seed).choice([2, 2, 3]))


# ---- The files ----------------------------------------------------------------------


def build_vector(what, program):
    recorder.ids.start("id")
    try:
        return {"what": what, "program": program, "sig": plain(build(program))}
    except Exception as exc:
        return {"what": what, "program": program, "error": type(exc).__name__}


class Applied:
    """Each signature once, then what its messages lead to, as workers go on."""

    def __init__(self):
        self.lines, self.seen = [], set()

    def add(self, what, signature, args, options, hops=0, **settings):
        key = json.dumps([signature, args, options, settings], sort_keys=True)
        if key in self.seen:
            return
        self.seen.add(key)
        app.conf.task_allow_error_cb_on_chord_header = bool(settings)
        done = record(lambda: apply(signature, args, options))
        app.conf.task_allow_error_cb_on_chord_header = False
        line = {"what": what, "sig": signature, "args": args, "options": options,
                **settings, **done}
        if len(json.dumps(line)) > LONGEST:
            return
        self.lines.append(line)
        if hops:
            self.go_on(what, done.get("events", []), hops)

    def go_on(self, what, events, hops):
        for event in json.loads(json.dumps(events).replace('"new-', f'"hop{hops}-')):
            if event[0] == "call":
                self.finish(what, event, hops - 1)

    def finish(self, what, call, hops):
        _, task, _, _, _, options = call
        origin = {"parent_id": options["task_id"],
                  "root_id": options.get("root_id", options["task_id"])}
        callbacks = options.get("link") or []
        if len(callbacks) == 1:
            self.add(f"{what}, link of {task}", callbacks[0], [42], origin, hops)
        elif callbacks:
            self.add(f"{what}, links of {task}", raw_group_of(callbacks), [42], origin, hops)
        if options.get("chain"):
            *rest, following = options["chain"]
            self.add(f"{what}, after {task}", following, [42],
                     {"chain": rest, **origin}, hops)
        if options.get("chord"):
            self.add(f"{what}, body", options["chord"], [[42, 43]], {}, hops)
        if options.get("link_error"):
            errbacks = options["link_error"]
            self.add(f"{what}, errbacks of {task}",
                     raw_group_of(errbacks if isinstance(errbacks, list) else [errbacks]),
                     [options["task_id"]], origin, hops)


def raw_group_of(signatures):
    return plain(group([recorder.signature(s, app=app) for s in signatures], app=app))


def apply_vectors(programs, randomly):
    applied = Applied()
    for what, program in [*programs, *randomly]:
        built = build_vector(what, program)
        if program[0] == "raw":
            built["sig"] = program[1]
        if "sig" not in built:
            continue
        client = {} if what.startswith("random") else None
        options = dict(WORKER) if client is None else random.Random(what).choice([
            {}, WORKER, {**WORKER, "priority": 5}, {**WORKER, "chain": [plain(build(E))]},
            {**WORKER, "chain": []}])
        applied.add(what, built["sig"], [42], options, hops=3)
        if client is None:
            applied.add(f"{what}, as a client applies it", built["sig"], [], {})
            applied.add(f"{what}, within a chain", built["sig"], [42],
                        {**WORKER, "chain": [plain(build(E)), plain(build(D))]})
            applied.add(f"{what}, with an id and more", built["sig"], [42],
                        {"task_id": "given", "queue": "q", "priority": 1})
            if "errback" in what:
                applied.add(f"{what}, headers too", built["sig"], [42], {},
                            errbacks_on_header=True)
    return applied.lines


REQUESTS = {
    "alone": {},
    "a chain's": {"chain": [plain(build(["set", C, {"task_id": "last"}])),
                            plain(build(["set", B, {"task_id": "middle"}]))]},
    "a chord's": {"chord": plain(build(["set", SUM, {"task_id": "body"}])),
                  "group": "the-group", "group_index": 2},
    "a chain's in a chord": {
        "chain": [plain(build(["set", C, {"task_id": "last", "group_id": "the-group",
                                          "chord": plain(build(SUM))}]))],
        "group": "the-group"},
    "one with callbacks": {"callbacks": [plain(build(CALLBACK))],
                           "errbacks": [plain(build(ERRBACK))]},
    "one with callbacks in a chain": {
        "callbacks": [plain(build(CALLBACK)), plain(build(E))],
        "errbacks": [plain(build(ERRBACK))],
        "chain": [plain(build(["set", C, {"task_id": "last"}]))]},
    "a replaced one": {"replaced_task_nesting": 2},
    "a chain's with a chord": {
        "chain": [plain(build(["set", C, {"task_id": "last"}])),
                  plain(build(["chord", header(), SUM]))]},
    "a chain's with a group": {"chain": [plain(build(["group", [C, D]]))]},
}


@app.task(name="t.replaced", bind=True)
def replaced(self):
    """Is only ever asked to replace itself."""


def in_request(request, run):
    request = {"id": "the-id", "root_id": "the-root", "called_directly": False,
               "delivery_info": {}, "hostname": "h", **json.loads(json.dumps(request))}
    replaced.push_request(**request)
    try:
        return run()
    except Ignore:
        return None
    finally:
        replaced.pop_request()


def replace_vectors(programs, randomly):
    for what, program in [*programs, *randomly]:
        for where in random.Random(what).sample(list(REQUESTS), 3):
            line = replace_vector(f"{what} in place of {where}", program, REQUESTS[where])
            # Celery cannot link a callback off the wire, a plain dict, to a group body.
            if line.get("error") != "AttributeError":
                yield line


def replace_vector(what, program, request):
    done = record(lambda: in_request(
        request, lambda: replaced.replace(build(program))))
    done.pop("applied", None)  # replace does not return
    return {"what": what, "program": program, "request": request, **done}


def add_vectors(programs):
    request = {"chord": plain(build(["set", SUM, {"task_id": "body"}])),
               "group": "the-group", "group_index": 2}
    for what, program in programs:
        yield {"what": f"{what} added to a chord", "add": True, "program": program,
               "request": request, **record(lambda p=program: in_request(
                   request, lambda: replaced.add_to_chord(build(p))))}
    yield {"what": "added outside of any chord", "add": True, "program": A, "request": {},
           **record(lambda: in_request({}, lambda: replaced.add_to_chord(build(A))))}


def write(name, lines):
    lines = [json.dumps(line, separators=(",", ":")) for line in lines]
    lines = [line for line in lines if len(line) <= LONGEST]
    (HERE / name).write_text("".join(f"{line}\n" for line in lines))
    print(name, len(lines), "lines,", sum(map(len, lines)), "bytes")


if __name__ == "__main__":
    # Signatures that name no task of this process: what is registered has a type.
    named, wire = list(PROGRAMS.items()), list(RAW.items())
    # A map that never was on the wire still knows how it is routed.
    replacing = [p for p in named if "map" not in p[0] and p[0] != "chunks"]
    write("build.jsonl", [build_vector(*p) for p in [*named, *at_random(150)]])
    write("apply.jsonl", apply_vectors([*named, *wire], at_random(120)))
    write("replace.jsonl", [*replace_vectors(replacing, at_random(40)),
                            *add_vectors(replacing)])
