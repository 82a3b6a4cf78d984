#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime fp32 on the same model and shapes as bench-embedding, in the same form:

    onnx_reference.py MODEL [NAME]         a line per case, fields apart by tabs:
    NAME  tokens  processes  passages_per_s  passages_per_cpu_s

    onnx_reference.py --ask MODEL [NAME]   only the cases asked for on standard input:
    tokens  processes  runs

MODEL is petiole's prepared file, whose fp32 weights are those of the original, cut into
panels. The graph has the fused operators that ONNX Runtime's own optimizer makes of BERT,
and is proved on a recorded vector before it is timed. Word pieces are given and pooling
is left out, so it does less than the program beside it. A process has one thread.

ONNX Runtime picks its kernels by CPUID and has no switch; preload libhold_to_avx2.so
(built beside bench-embedding) to hold it to AVX2. Needs tests/requirements-bench.txt.
"""

import json
import multiprocessing
import statistics
import struct
import sys
import time
from pathlib import Path

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "embedding"
MAGIC, VERSION = b"PTLMODEL", 1
LAYERS, HEADS, WIDTH, RUNS = 6, 12, 384, 5
TOKENS_PER_BATCH, TOKENS_PER_RUN = 256, 1024
LENGTHS, PROCESSES = (16, 128, 256), (1, 2)


class Model:
    """The sections of the prepared file: see tasks/kit/embedding/model.h."""

    def __init__(self, path):
        file = Path(path).read_bytes()
        if file[:8] != MAGIC or struct.unpack_from("<I", file, 8) != (VERSION,):
            raise SystemExit(f"{path} is no prepared model of version {VERSION}")
        places = struct.iter_unpack("<QQ", file[72 : 72 + 16 * 4])
        words, positions, vectors, blocks = (
            numpy.frombuffer(file, "<f4", size // 4, at) for at, size in places
        )
        self.words = words.reshape(-1, WIDTH)
        self.positions = positions.reshape(-1, WIDTH)
        vectors = vectors.reshape(-1, WIDTH)
        self.norm, self.layers = vectors[:2], vectors[2:].reshape(LAYERS, -1, WIDTH)
        panels = blocks.reshape(LAYERS, 12, WIDTH // 16, WIDTH, 16)
        self.blocks = panels.transpose(0, 1, 3, 2, 4).reshape(LAYERS, 12, WIDTH, WIDTH)


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, domain="", **attributes):
        out = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **attributes))
        return out

    def fused(self, kind, inputs, **attributes):
        return self.node(kind, inputs, domain="com.microsoft", **attributes)

    def multiply(self, x, weight):
        return self.node("MatMul", [x, self.constant(weight)])

    def add_and_norm(self, product, x, bias, norm):
        inputs = [product, x, *map(self.constant, (*norm, bias))]
        return self.fused("SkipLayerNormalization", inputs, epsilon=1e-12)


def add_layer(g, x, blocks, rows):
    """Blocks and rows are in the order of model.h: up is cut by columns, down by rows."""
    three = [g.constant(numpy.hstack(blocks[:3])), g.constant(rows[:3].ravel())]
    mixed = g.fused("Attention", [x, *three], num_heads=HEADS)
    x = g.add_and_norm(g.multiply(mixed, blocks[3]), x, rows[3], rows[9:11])
    up = g.multiply(x, numpy.hstack(blocks[4:8]))
    up = g.fused("BiasGelu", [up, g.constant(rows[4:8].ravel())])
    down = g.multiply(up, numpy.vstack(blocks[8:12]))
    return g.add_and_norm(down, x, rows[8], rows[11:13])


def build(model):
    g = Graph()
    x = g.node("Gather", [g.constant(model.words), "ids"])
    x = g.node("Add", [x, g.node("Gather", [g.constant(model.positions), "positions"])])
    x = g.node("LayerNormalization", [x, *map(g.constant, model.norm)], epsilon=1e-12)
    for blocks, rows in zip(model.blocks, model.layers):
        x = add_layer(g, x, blocks, rows)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])
    places = helper.make_tensor_value_info("positions", TensorProto.INT64, ["tokens"])
    rows = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "tokens", WIDTH])
    graph = helper.make_graph(g.nodes, "minilm", [ids, places], [rows], g.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def open_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session, ids):
    return session.run(None, {"ids": ids, "positions": numpy.arange(ids.shape[1])})[0]


def prove(session):
    """The graph is the model: a recorded text gets its recorded vector."""
    lines = (GOLDEN / "texts.jsonl").read_text().splitlines()
    vectors = numpy.fromfile(GOLDEN / "vectors.f32", "<f4").reshape(-1, WIDTH)
    number = next(i for i, line in enumerate(lines) if 20 < len(json.loads(line)["ids"]) < 60)
    ids = [101, *json.loads(lines[number])["ids"], 102]
    mean = run(session, numpy.array([ids]))[0].mean(0)
    cosine = mean @ vectors[number] / numpy.linalg.norm(mean)
    assert cosine > 0.99999, cosine


def work(model, tokens, runs, barrier, results):
    session = open_session(model)
    batch = TOKENS_PER_BATCH // tokens
    times = TOKENS_PER_RUN // TOKENS_PER_BATCH
    ids = numpy.random.default_rng(1).integers(1000, 30000, (batch, tokens))
    run(session, ids)
    rates = []
    for _ in range(runs):
        barrier.wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            run(session, ids)
        n = times * batch
        rates.append((n / (time.perf_counter() - wall), n / (time.process_time() - cpu)))
    results.put(rates)


def measure(model, tokens, processes, runs):
    barrier, results = multiprocessing.Barrier(processes), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(model, tokens, runs, barrier, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    together = statistics.median(sum(r[i][0] for r in rates) for i in range(runs))
    per_cpu = statistics.median(cpu for r in rates for _, cpu in r)
    return together, per_cpu


def cases(asked):
    """(tokens, processes, runs) each."""
    if asked:
        return (map(int, line.split()) for line in sys.stdin)
    return ((tokens, processes, RUNS) for tokens in LENGTHS for processes in PROCESSES)


def main():
    asked, arguments = sys.argv[1:2] == ["--ask"], sys.argv[1:]
    path, name = (arguments[asked:] + ["onnxruntime"])[:2]
    model = build(Model(path))
    onnxruntime.set_default_logger_severity(3)
    prove(open_session(model))
    print(f"# onnxruntime {onnxruntime.__version__}", flush=True)
    for tokens, processes, runs in cases(asked):
        together, per_cpu = measure(model, tokens, processes, runs)
        print(f"{name}\t{tokens}\t{processes}\t{together:.1f}\t{per_cpu:.1f}", flush=True)


main()
