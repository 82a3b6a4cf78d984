# SPDX-License-Identifier: Apache-2.0
"""Records what kombu's serializers make of generated values, one case per line.

    python3.11 -m venv venv && venv/bin/pip install -r ../../requirements-new.txt
    venv/bin/python make_serializer_vectors.py

msgpack_read.txt holds `bytes in hex TAB what Python reads, as kombu's JSON`, and
msgpack_write.txt `JSON TAB bytes in hex`; yaml_read.txt and yaml_write.txt hold the same of YAML;
typed_valid.txt `typed value in JSON TAB ok`. An output of ! means that
Python refuses the input.
"""
import datetime
import pathlib
import random
import struct

import msgpack
import yaml
from kombu.serialization import dumps, loads
from kombu.utils import json as kombu_json

random.seed(20261127)
HERE = pathlib.Path(__file__).parent

INTEGERS = [edge + step for power in (5, 7, 8, 15, 16, 31, 32, 63) for edge in (2**power, -(2**power))
            for step in (-1, 0, 1) if -(2**63) <= edge + step < 2**64] + [2**64 - 1, 0]
TEXTS = ["", "a", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 65535, "x" * 65536, "håå 漢字 \U0001F600"]


def some_value(depth=0):
    kinds = [lambda: None, lambda: random.choice([True, False]), lambda: random.choice(INTEGERS),
             lambda: struct.unpack("<d", random.randbytes(8))[0], lambda: random.choice(TEXTS[:7]),
             lambda: random.randbytes(random.choice([0, 1, 300])), lambda: random.random()]
    if depth < 4:
        kinds += [lambda: [some_value(depth + 1) for _ in range(random.choice([0, 1, 3, 15, 16]))],
                  lambda: {f"k{n}": some_value(depth + 1) for n in range(random.choice([0, 2, 15, 16]))}] * 2
    return random.choice(kinds)()


def edges():
    yield from INTEGERS
    yield from TEXTS
    yield from ([], {}, [None] * 65536, {str(n): n for n in range(70000)}, b"", b"\xff" * 256, b"\x00" * 65536)
    yield {"task": "demo.add", "args": [2, 3], "kwargs": {"y": -1.5}}


def read(data):
    return kombu_json.dumps(loads(data, "application/x-msgpack", "binary", accept={"application/x-msgpack"}))


def broken(packed):
    for data in packed:
        yield data[:random.randrange(len(data))]
        yield data + b"\xc0"
        damaged = bytearray(data)
        damaged[random.randrange(len(data))] ^= 1 << random.randrange(8)
        yield bytes(damaged)
    yield from (b"\xc1", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xa1\xff",
                b"\x81\x01\x02", b"\x82\xa1a\x01\xa1a\x02", b"\xca\x3f\xc0\x00\x00", b"\xd4\xff\x00"[:2])


def has_extension(value):
    if isinstance(value, (msgpack.ExtType, msgpack.Timestamp)):
        return True
    if isinstance(value, dict):
        return any(map(has_extension, value.values()))
    return isinstance(value, list) and any(map(has_extension, value))


def record(name, cases):
    lines = [f"{given}\t{made}\n" for given, made in cases if len(given) + len(made) < 3000]
    (HERE / name).write_text("".join(lines), encoding="ascii", newline="\n")


def reading(data):
    try:
        text = read(data)
        if has_extension(msgpack.unpackb(data, raw=False)):
            text = "!"
    except Exception:
        text = "!"
    return data.hex(), text


TYPED = {
    "datetime": ["2030-01-02T03:04:05", "2030-01-02T03:04:05.678901+05:30", "2030-01-02", "20300102T030405Z",
                 "2030-13-02", "", "noon", "2030-01-02T25:00:00", 5, None, ["2030-01-02"]],
    "date": ["2030-01-02", "2030-02-30", "2030-01-02T03:04:05", "x", 1.5],
    "time": ["03:04:05", "03:04:05.678901", "03:04:05+01:00", "24:00:00", "3:04", "", "03", None],
    "decimal": ["1", "-1.50", "1e5", ".5", "5.", "1E-7", " 7 ", "1_000", "NaN", "sNaN12", "-Infinity", "inf",
                "", ".", "1e", "e5", "1,5", "0x1", "--1", "nanx", 5, -1.5, True, None, {}],
    "uuid": [{"hex": "0123456789abcdef0123456789abcdef"}, {"hex": "01234567-89AB-CDEF-0123-456789abcdef"},
             {"hex": "{01234567-89ab-cdef-0123-456789abcdef}"}, {"hex": "0123"}, {"hex": "x" * 32},
             {"hex": 5}, {}, None, "0123456789abcdef0123456789abcdef", {"hexx": "0123456789abcdef0123456789abcdef"}],
    "nothing": ["x"],
    5: ["x"],
}


YAML_SCALARS = r"""~ null Null NULL nUll yes No ON off true False y n 0 -0 +1 17 017 0o17 08 0x1F -0x1f 0b101 0b2
1_000 _1 1:30 1:30:00 1:60 -1:30 9223372036854775807 -9223372036854775808 9223372036854775808 +99999999999999999999
1. 1.5 -1.5e+3 1.5e3 1e3 1e+3 .5 -.5 +.5 . .inf -.INF +.Inf .nan .NaN 1_0.5 1:30.5 .5e-2 1.e+2 12e03
2030-01-02 2030-1-2 2030-13-02 2030-01-02T03:04:05 2030-01-02T03:04:05Z 2030-01-02t3:04:05.5-05:30
2030-01-02T03:04:05.1234567+1 2030-01-02T03:04:05. 2030-01-02T25:04:05Z 2030-01-02T03:04:05-00:00
= << a:b a#b håå 'quoted' "esc\x41\u00e5\U0001F600" plain.text 1a -a -.a +a ++1 1.2.3 0. 00 0_7 0x 0b""".split()

YAML_TEXTS = ["", "---", "--- 5", "- 1\n- a\n", "a: 1\nb: [x, y]\n", "{a: {b: c}, d: []}", "'1'", '"2030-01-02"',
              "- 2030-01-02 03:04:05\n- 2030-01-02 03:04:05.5 +01:00\n", "!!str 5", "!!int '5'", "!!int x",
              "!!float 1", "!!float '1.5'", "!!bool yes", "!!bool maybe", "!!null x", "!!binary aGk=", "!!binary |\n  aG\n  k=",
              "!!binary '!'", "!!timestamp 2030-01-02", "!!timestamp x", "!foo 5", "!!python/name:os.system", "! 5",
              "!!python/object/apply:os.system ['true']", "!!seq [1]", "!!map {a: 1}", "!!seq {a: 1}", "!!foo [1]",
              "a: &x [1]\nb: *x\n", "*x", "&x [*x]", "- &a 1\n- &a 2\n- *a\n", "1: a", "? [a]\n: b", "{a, b: c}", "[a, b",
              "a: 1\na: 2\n", "--- 1\n--- 2\n", "5 # comment", "# only a comment", "|\n  text\n  more\n", ">\n  folded\n  text\n",
              "%YAML 1.1\n---\n5", "%YAML 2.0\n---\n5", "\ta: 1", "a: b: c", "a: 'it''s'", "@x", "`x", "%x", "- - - a\n"]


def strict(value):
    """Only what JSON and kombu's types can say, with keys that are text."""
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        return {key: strict(item) for key, item in value.items()}
    assert not isinstance(value, (set, tuple))
    return [strict(item) for item in value] if isinstance(value, list) else value


def yaml_reading(text):
    try:
        value = loads(text, "application/x-yaml", "utf-8", accept={"application/x-yaml"}) if text else None
        # each alias becomes a value of its own, and a list in itself is refused
        return text.encode().hex(), kombu_json.dumps(strict(value))
    except (Exception, RecursionError):
        return text.encode().hex(), "!"


YAML_VALUES = [datetime.datetime(2030, 1, 2, 3, 4, 5), datetime.datetime(2030, 1, 2, 3, 4, 5, 600, datetime.timezone.utc),
               datetime.date(2030, 1, 2), "yes", "5", "1e3", "1.5", "2030-01-02", "null", "", " x", "x ", "a: b", "- a", "#", "'",
               '"', "\n", "a\nb", "a\n", "\ta", "x" * 200, "word " * 40, "~", "=", "<<", "*a", "&a", "!a", "%", "@", "`",
               "[", "{", "a,b", "? a", "\x00\x07\x7f", "é", "\u2028", 1e16, 1e17, 1.5e300, 5e-324, -0.0, 10**30, [[[]]], {"b": {"a": []}},
               [[2, 3], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]]


def yaml_cases():
    yield from map(yaml_reading, YAML_SCALARS + YAML_TEXTS)
    for text in YAML_SCALARS[:20]:
        yield yaml_reading(f"- {text}\n- {{k: {text}}}\n")
    for _ in range(200):
        yield yaml_reading(yaml.safe_dump(some_value(), default_flow_style=random.choice([True, False, None])))


def typed_cases():
    for kind, values in TYPED.items():
        for value in values:
            text = kombu_json.dumps({"__type__": kind, "__value__": value})
            try:
                kombu_json.loads(text)
                yield text, "ok"
            except Exception:
                yield text, "!"


def main():
    values = list(edges()) + [some_value() for _ in range(400)]
    packed = [dumps(value, serializer="msgpack")[2] for value in values]
    record("typed_valid.txt", typed_cases())
    record("msgpack_write.txt", ((kombu_json.dumps(v), p.hex()) for v, p in zip(values, packed)))
    short = [p for p in packed if 0 < len(p) < 600]
    record("msgpack_read.txt", map(reading, packed + [d for d in broken(short) if d]))
    record("yaml_read.txt", yaml_cases())
    written = YAML_VALUES + [[some_value(2), some_value(3)] for _ in range(200)]
    record("yaml_write.txt", ((kombu_json.dumps(v), dumps(v, serializer="yaml")[2].encode().hex()) for v in written))


if __name__ == "__main__":
    main()
