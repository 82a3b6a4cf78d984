# SPDX-License-Identifier: Apache-2.0
"""Records what Python and Celery make of generated values, one case per line.

    python3.11 -m venv venv && venv/bin/pip install celery
    venv/bin/python make_vectors.py

Each file holds `input TAB output`; an output of ! means that Python refuses the input.
The same seed gives the same files.
"""
import base64
import datetime
import json
import pathlib
import random
import struct

from celery.utils.saferepr import saferepr
from kombu.utils import json as kombu_json

random.seed(20261122)
HERE = pathlib.Path(__file__).parent
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = datetime.timedelta(microseconds=1)


def record(name, cases, output):
    lines = []
    for case in cases:
        try:
            result = output(case)
        except (ValueError, OverflowError, AttributeError, TypeError):
            result = "!"
        assert "\n" not in case and "\t" not in case and "\n" not in result, case
        lines.append(f"{case}\t{result}\n")
    (HERE / name).write_text("".join(lines), encoding="utf-8", newline="\n")


def bits_of(number):
    return struct.pack(">d", number).hex()


def some_float():
    return random.choice(
        [
            lambda: struct.unpack("<d", random.randbytes(8))[0],
            lambda: 2.0 ** random.randrange(-1074, 1024),
            lambda: random.random() * 10 ** random.randrange(-20, 20),
            lambda: round(random.random() * 10 ** random.randrange(8), random.randrange(8)),
            lambda: float(random.randrange(-(10**17), 10**17)),
            lambda: float(f"{random.randrange(1, 1000)}e{random.randrange(-330, 309)}"),
        ]
    )()


def some_character():
    return random.choice(
        [
            lambda: chr(random.randrange(0x20, 0x7F)),
            lambda: chr(random.randrange(0x20, 0x7F)),
            lambda: chr(random.randrange(0x20)),
            lambda: random.choice("\"'\\/\n\r\t\b\f\x7f\0"),
            lambda: chr(random.randrange(0x80, 0x800)),
            lambda: chr(random.randrange(0x800, 0xD800)),
            lambda: chr(random.randrange(0xD800, 0xE000)),
            lambda: chr(random.randrange(0x10000, 0x110000)),
        ]
    )()


def some_text():
    return "".join(some_character() for _ in range(random.randrange(12)))


def some_integer():
    return random.getrandbits(random.choice([3, 31, 62, 63, 64, 65, 200])) * random.choice([1, -1])


def some_value(depth=0):
    kinds = [lambda: None, lambda: random.random() < 0.5, some_integer, some_float, some_text]
    if depth < 4:
        kinds += 2 * [
            lambda: {some_text(): some_value(depth + 1) for _ in range(random.randrange(4))},
            lambda: [some_value(depth + 1) for _ in range(random.randrange(4))],
        ]
    return random.choice(kinds)()


def some_json():
    separators = random.choice([(", ", ": "), (",", ":"), (" ,  ", " : ")])
    return json.dumps(some_value(), separators=separators)


def some_broken_json():
    text = some_json()
    pieces = ',"[]{}:0-.e\\/' + " '"
    words = ["null", "NaN", "-Infinity", "\\u12", "\\ud800", "01", "1.", "-", "nul", "+1", ".5"]
    for _ in range(random.randrange(1, 3)):
        at = random.randrange(len(text) + 1)
        piece = random.choice([random.choice(pieces), random.choice(words), ""])
        text = text[:at] + piece + text[at + random.randrange(3) :]
    return text


def some_plain_value(depth=0):
    """Text without control characters, where saferepr and petiole agree."""
    kinds = [
        lambda: random.choice([None, True, False]),
        some_integer,
        some_float,
        lambda: "".join(random.choice("abc dé'\"漢") for _ in range(random.choice([0, 3, 8, 30]))),
    ]
    if depth < 5:
        kinds += 2 * [
            lambda: {
                "".join(random.choice("abc") for _ in range(random.randrange(9))): some_plain_value(depth + 1)
                for _ in range(random.randrange(4))
            },
            lambda: [some_plain_value(depth + 1) for _ in range(random.randrange(5))],
        ]
    return random.choice(kinds)()


def some_typed_json():
    def value(depth=0):
        typed = {
            "__type__": random.choice(["bytes", "base64", "nope", 1, None]),
            "__value__": random.choice([some_text(), base64.b64encode(random.randbytes(5)).decode(), 5, None]),
        }
        kinds = [
            lambda: typed,
            lambda: {**typed, "x": 1},
            lambda: {"__type__": "bytes"},
            lambda: random.randbytes(random.randrange(6)),
            some_text,
        ]
        if depth < 3:
            kinds.append(lambda: [value(depth + 1) for _ in range(3)])
        return random.choice(kinds)()

    return kombu_json.dumps(value())


def some_base64():
    text = base64.b64encode(random.randbytes(random.randrange(20))).decode()
    for _ in range(random.randrange(3)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(["=", "==", " ", "A", "-", "*", ""]) + text[at + random.randrange(2) :]
    return text


def some_time():
    whole = random.randrange(-62135596800, 253402300800)
    return EPOCH + datetime.timedelta(seconds=whole, microseconds=random.choice([0, 1, 678901, 999999]))


def some_iso_text():
    try:
        zone = datetime.timezone(datetime.timedelta(seconds=random.choice([1, 60]) * random.randrange(-1439, 1440)))
        text = random.choice(
            [
                lambda t: t.isoformat(),
                lambda t: t.replace(tzinfo=None).isoformat(random.choice("T ")),
                lambda t: t.replace(tzinfo=None).isoformat() + "Z",
                lambda t: t.astimezone(zone).isoformat(),
                lambda t: t.isoformat(timespec=random.choice(["minutes", "seconds", "milliseconds"])),
            ]
        )(some_time())
    except OverflowError:
        text = "2030-01-02"
    if random.random() < 0.3:
        at = random.randrange(len(text) - 1)
        text = text[:at] + random.choice(["x", "/", "-"]) + text[at + 1 :]
    return text


def parse_iso(text):
    time = datetime.datetime.fromisoformat(text)
    return str(((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND)


def times(n, make):
    return [make() for _ in range(n)]



SPECIAL_FLOATS = [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 2.0**-44, 1e16, 9999999999999998.0]
SPECIAL_FLOATS += [1e15, 123456789012345680.0, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 9007199254740993.0]
SPECIAL_FLOATS += [2.0**e for e in range(-1074, 1024)]

floats = SPECIAL_FLOATS + times(3000, some_float)
record("float_repr.txt", map(bits_of, floats), lambda b: repr(struct.unpack(">d", bytes.fromhex(b))[0]))

NUMBERS = ["1e400", "-1e400", "1e-400", "-0", "-0.0", "9223372036854775807", "9223372036854775808"]
NUMBERS += ["-9223372036854775808", "-9223372036854775809", "0." + "0" * 900 + "1e901", "9007199254740993." + "0" * 900 + "1"]
NUMBERS += ["1" * 4300, "-" + "1" * 4300, "1" * 4301, "01", "1.", "-", "1e", "1e+", ".5", "+1", "NaN", "-NaN", "-Infinity", "0x1"]
numbers = NUMBERS + [f"{some_integer()}.{random.getrandbits(60)}e{random.randrange(-340, 320)}" for _ in range(1000)]
record("json_numbers.txt", numbers, lambda t: json.dumps(json.loads(t)))

record("json_values.txt", times(1500, some_json), lambda t: json.dumps(json.loads(t)))
record("json_broken.txt", times(1500, some_broken_json), lambda t: json.dumps(json.loads(t)))
record("json_typed.txt", times(500, some_typed_json), lambda t: kombu_json.dumps(kombu_json.loads(t)))
record("repr.txt", times(1000, some_json), lambda t: repr(json.loads(t)))
plain = times(1000, lambda: json.dumps(some_plain_value()))
record("saferepr_40.txt", plain, lambda t: saferepr(json.loads(t), 40))
lists = times(300, lambda: json.dumps([some_plain_value(1) for _ in range(random.randrange(4))]))
record("saferepr_args.txt", lists, lambda t: saferepr(tuple(json.loads(t)), 1024))
record("base64.txt", times(800, some_base64), lambda t: base64.b64decode(t).hex())
microseconds = [str((some_time() - EPOCH) // MICROSECOND) for _ in range(800)]
record("isoformat.txt", microseconds, lambda us: (EPOCH + int(us) * MICROSECOND).isoformat())
record("fromisoformat.txt", times(800, some_iso_text), parse_iso)
