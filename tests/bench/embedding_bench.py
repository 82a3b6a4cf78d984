# SPDX-License-Identifier: Apache-2.0
"""The embedding kernels beside ONNX Runtime in fp32, as it is and held to AVX2, and the
cl100k tokenizer, in one run. Every case is measured by all in turns, so that a busy
machine is busy for all; figures are medians of the rounds. Nothing here passes or fails
by time, and what this CPU cannot run gets no figure but a line that says so."""

import argparse
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("PETIOLE_BUILD", HERE.parents[1] / "build-bench"))
BENCH = BUILD / "tests" / "bench"
LENGTHS, PROCESSES = (16, 128, 256), (1, 2)
OURS, AS_IT_IS, HELD = ("amx", "avx2", "scalar"), "ONNX Runtime", "ONNX Runtime, AVX2"
ANSWER_WITHIN_S = 60
ROUND_S, QUICK_ROUND_S = 110, 70  # what has not been measured by then is left out


def asset(name):
    data = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share"
    path = pathlib.Path(os.environ.get("PETIOLE_ASSETS") or f"{data}/petiole") / name
    if not path.exists():
        raise SystemExit(f"embedding_bench: there is no {path}: run scripts/assets")
    return str(path)


class Program:
    """One that opens the model once and is then asked case by case."""

    def __init__(self, name, command, preload=None):
        self.name = name
        env = os.environ | ({"LD_PRELOAD": str(preload)} if preload else {})
        self.process = subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.first_line = self.read().removeprefix("# ")

    def read(self):
        late = threading.Timer(ANSWER_WITHIN_S, self.process.kill)
        late.start()
        line = self.process.stdout.readline().strip()
        late.cancel()
        if not line:
            status = self.process.wait()
            why = f"no answer in {ANSWER_WITHIN_S} s" if status == -9 else f"status {status}, see above"
            raise SystemExit(f"embedding_bench: cannot measure {self.name}: {why}")
        return line

    def ask(self, tokens, processes, runs):
        """Passages a second: by the clock, and by each process's own time."""
        self.process.stdin.write(f"{tokens} {processes} {runs}\n")
        self.process.stdin.flush()
        name, *case, together, per_cpu = self.read().split("\t")
        assert case == [str(tokens), str(processes)], (name, case)
        return float(together), float(per_cpu)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_ours(model, notes):
    bench, programs = BENCH / "bench-embedding", []
    if not bench.exists():
        raise SystemExit(f"embedding_bench: there is no {bench}: run scripts/bench embedding")
    for name in OURS:
        program = Program(name, [str(bench), "--ask", model, name])
        if " opened in " in program.first_line:
            programs.append(program)
        else:
            notes.append(f"No figures for {name}: {program.first_line}.")
            program.close()
    return programs


def why_not_held(library):
    """What the library says if it cannot hide features here; None if it can."""
    if not library.exists():
        return f"this build has no {library.name}"
    env = os.environ | {"LD_PRELOAD": str(library)}
    return subprocess.run(["true"], env=env, stderr=subprocess.PIPE, text=True).stderr.strip()


def start_theirs(model, notes):
    command = [sys.executable, str(HERE / "onnx_reference.py"), "--ask", model]
    library = BENCH / "libhold_to_avx2.so"
    programs = [Program(AS_IT_IS, command)]
    notes.append(f"ONNX Runtime is {programs[0].first_line}, fp32, one thread per process.")
    if why := why_not_held(library):
        notes.append(f"No figures for {HELD}: {why}.")
    else:
        programs.append(Program(HELD, command, library))
    return programs


def measures(program, case, every_scalar):
    return program.name != "scalar" or every_scalar or case == (16, 1)


def measure_round(programs, figures, options, deadline):
    for case in ((tokens, n) for tokens in LENGTHS for n in PROCESSES):
        rates = {}
        for program in programs:
            if time.monotonic() > deadline:
                return False
            if measures(program, case, options.scalar):
                rates[program.name] = program.ask(*case, 2 if options.quick else 3)
        figures.setdefault(case, []).append(rates)
    return True


def measure_tokenizer(vocabulary, figures):
    command = [str(BENCH / "bench-tokens"), vocabulary]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in lines.splitlines():
        kind, mb, tokens = line.split("\t")
        figures.setdefault(kind, []).append((float(mb), float(tokens)))


def describe_cpu():
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    wanted = ("avx2", "avx512f", "avx512_vnni", "amx_bf16")
    has, lacks = ([f for f in wanted if (f in flags) is there] for there in (True, False))
    return (
        f"{fields.get('model name', platform.machine())}, {os.cpu_count()} processors, load "
        f"{os.getloadavg()[0]:.1f}, Linux {platform.release()}. The CPU has "
        f"{', '.join(has) or 'none of those asked about'}; it lacks {', '.join(lacks) or 'none'}."
    )


def ratio(rounds, name, other):
    """The median of what each round's own two figures make."""
    pairs = [r[name][1] / r[other][1] for r in rounds if name in r and other in r]
    return f"{statistics.median(pairs):.2f} x" if pairs else "–"


def embedding_rows(figures):
    yield ["tokens", "processes", "kernels", "passages/s", "per CPU s", "to ORT", "to ORT AVX2"]
    for (tokens, processes), rounds in figures.items():
        for name in (*OURS, AS_IT_IS, HELD):
            rates = [r[name] for r in rounds if name in r]
            if rates:
                together, per_cpu = (statistics.median(rate) for rate in zip(*rates))
                ratios = [ratio(rounds, name, o) if name in OURS else "" for o in (AS_IT_IS, HELD)]
                yield [tokens, processes, name, f"{together:.1f}", f"{per_cpu:.1f}", *ratios]


def tokenizer_rows(figures):
    yield ["cl100k", "MB/s", "tokens/s"]
    for kind, rates in figures.items():
        mb, tokens = (statistics.median(rate) for rate in zip(*rates))
        yield [kind, f"{mb:.1f}", f"{tokens:,.0f}"]


def print_table(rows):
    rows = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        cells = (v.rjust(w) if v[:1].isdigit() else v.ljust(w) for v, w in zip(row, widths))
        print("  ".join(cells).rstrip())


def print_report(figures, tokenizer, notes, rounds):
    print(f"\nEmbedding, medians of {rounds} round{'s' if rounds > 1 else ''} in turns\n")
    print_table(embedding_rows(figures))
    print("\nRatios are those of passages per CPU second, taken round by round: above 1 petiole")
    print("does more. petiole also makes the word pieces and the mean; ONNX Runtime is given")
    print("word pieces and leaves the mean out. amx computes in bf16, all others in fp32.\n")
    print_table(tokenizer_rows(tokenizer))
    print("\n" + "\n".join([describe_cpu(), *notes]))


def run(programs, options, notes):
    rounds = 1 if options.quick else options.rounds
    figures, tokenizer = {}, {}
    deadline = time.monotonic() + rounds * (QUICK_ROUND_S if options.quick else ROUND_S)
    measure_tokenizer(options.vocabulary, tokenizer)
    for number in range(rounds):
        turn = number % len(programs)  # nobody is always the first
        begun = time.monotonic()
        if not measure_round(programs[turn:] + programs[:turn], figures, options, deadline):
            notes.append(f"Time was up in round {number + 1} of {rounds}: the rest is left out.")
            break
        if number:
            measure_tokenizer(options.vocabulary, tokenizer)
        print(f"round {number + 1} of {rounds}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print_report(figures, tokenizer, notes, number + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of shorter runs")
    parser.add_argument("--scalar", action="store_true", help="scalar kernels in every case")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.vocabulary, model, notes = asset("cl100k_base.ptlv"), asset("all-minilm-l6-v2.ptlm"), []
    programs = start_ours(model, notes) + start_theirs(model, notes)
    try:
        run(programs, options, notes)
    finally:
        for program in programs:
            program.close()


if __name__ == "__main__":
    main()
