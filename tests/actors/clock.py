# SPDX-License-Identifier: Apache-2.0
"""Wall clocks that are wrong, or jump: tests/fault/shifted_clock.c in front of a program.
The monotonic clock stays true, as it does when an administrator or a time server sets the
other one."""

import struct

from .worker import BUILD

PRELOAD = BUILD / "tests" / "fault" / "shifted_clock.so"


class Clock:
    """A wall clock; environment() puts a process under it."""

    def __init__(self, path, shift_s=0):
        self._path = path
        with open(path, "wb") as f:
            f.write(struct.pack("q", shift_s))

    def set(self, shift_s):
        with open(self._path, "r+b", buffering=0) as f:
            f.write(struct.pack("q", shift_s))

    def environment(self):
        return {"LD_PRELOAD": str(PRELOAD), "SHIFTED_CLOCK": self._path,
                "ASAN_OPTIONS": "verify_asan_link_order=0:exitcode=99:allocator_may_return_null=1"}
