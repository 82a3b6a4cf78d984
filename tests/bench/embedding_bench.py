# SPDX-License-Identifier: Apache-2.0
"""Passages embedded a second, each kernel set beside ONNX Runtime fp32 in one run, free
and held to AVX2. Nothing here passes or fails.

    embedding_bench.py BUILD MODEL.ptlm MODEL.safetensors"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def rates(argv, **env):
    """{(tokens, processes): passages a second} by name, from lines with tabs."""
    done = subprocess.run(argv, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("#"):  # what it ran on, and why a set is missing
            print(line)
            continue
        name, tokens, processes, per_second, _ = line.split("\t")
        found.setdefault(name, {})[int(tokens), int(processes)] = float(per_second)
    return found


def main():
    build, packed, weights = map(pathlib.Path, sys.argv[1:4])
    found = rates([build / "tests/bench/bench-embedding", packed])
    reference = [sys.executable, HERE / "onnx_reference.py", weights]
    found |= rates([*reference, "onnx"])
    preload = build / "tests/bench/libhold_to_avx2.so"
    if preload.exists():
        found |= rates([*reference, "onnx held to avx2"], LD_PRELOAD=str(preload))

    def ratio(ours, theirs, case):
        if case not in found.get(ours, {}) or case not in found.get(theirs, {}):
            return ""
        return f"{found[ours][case] / found[theirs][case]:.1f} x"

    names = [n for n in ("scalar", "avx2", "amx", "onnx", "onnx held to avx2") if n in found]
    rows = [["tokens", "cores", *names, "amx / onnx", "avx2 / onnx held"]]
    for case in sorted(found[names[0]]):
        rows.append([str(case[0]), str(case[1]),
                     *(f"{found[n][case]:,.0f}" if case in found[n] else "" for n in names),
                     ratio("amx", "onnx", case), ratio("avx2", "onnx held to avx2", case)])
    print("\nPassages a second, medians\n")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("  ".join(value.rjust(width) for value, width in zip(row, widths)))
        if n == 0:
            print("  ".join("-" * width for width in widths))


if __name__ == "__main__":
    main()
