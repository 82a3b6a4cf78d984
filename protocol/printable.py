# SPDX-License-Identifier: Apache-2.0
"""Prints printable.inc: the code points that repr() escapes, as Python has them.

python3.11 printable.py > printable.inc
"""
import unicodedata

ranges = []
for code in range(0x7F, 0x110000):
    if chr(code).isprintable():
        continue
    if ranges and ranges[-1][1] == code - 1:
        ranges[-1][1] = code
    else:
        ranges.append([code, code])

print(f"/* Unicode {unicodedata.unidata_version}; written by printable.py. */")
for first in range(0, len(ranges), 3):
    row = ranges[first : first + 3]
    print(" ".join(f"{{0x{a:05x}, 0x{b:05x}}}," for a, b in row))
