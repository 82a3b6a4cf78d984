#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime fp32 on the same model and shapes as bench-embedding, in the same form:

    onnx_reference.py MODEL.safetensors [NAME]   a line per case, fields apart by tabs:
    NAME  tokens  processes  passages_per_s  passages_per_cpu_s

The graph has the fused operators that ONNX Runtime's own optimizer makes of BERT, and is
proved on a recorded vector before it is timed. Word pieces are given and pooling is left
out, so it does less than the program beside it. A process has one thread.

ONNX Runtime picks its kernels by CPUID and has no switch; preload libhold_to_avx2.so
(built beside bench-embedding) to hold it to AVX2. Needs onnxruntime, onnx and numpy.
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
LAYERS, HEADS, RUNS = 6, 12, 5
TOKENS_PER_BATCH, TOKENS_PER_RUN = 256, 2048
LENGTHS, PROCESSES = (16, 128, 256), (1, 2)


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {
        name: numpy.frombuffer(data[slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
        for name, t in header.items()
        if t.get("dtype") == "F32"
    }


class Graph:
    def __init__(self, tensors):
        self.tensors, self.nodes, self.constants = tensors, [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def weight(self, name):
        return self.constant(self.tensors[name + ".weight"].T)

    def node(self, kind, inputs, domain="", **attributes):
        out = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **attributes))
        return out

    def fused(self, kind, inputs, **attributes):
        return self.node(kind, inputs, domain="com.microsoft", **attributes)

    def norm(self, name):
        return [
            self.constant(self.tensors[f"{name}.LayerNorm.{part}"]) for part in ("weight", "bias")
        ]

    def bias(self, name):
        return self.constant(self.tensors[name + ".bias"])


def attention(g, x, layer):
    parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
    weight = g.constant(numpy.concatenate([g.tensors[p + ".weight"] for p in parts]).T)
    bias = g.constant(numpy.concatenate([g.tensors[p + ".bias"] for p in parts]))
    return g.fused("Attention", [x, weight, bias], num_heads=HEADS)


def skip_norm(g, product, x, name):
    inputs = [product, x, *g.norm(name), g.bias(name + ".dense")]
    return g.fused("SkipLayerNormalization", inputs, epsilon=1e-12)


def build(tensors):
    g = Graph(tensors)
    positions = tensors["embeddings.position_embeddings.weight"][:256]
    positions = positions + tensors["embeddings.token_type_embeddings.weight"][0]
    words = g.constant(tensors["embeddings.word_embeddings.weight"])
    x = g.node("Gather", [words, "ids"])
    x = g.node("Add", [x, g.node("Gather", [g.constant(positions), "positions"])])
    x = g.node("LayerNormalization", [x, *g.norm("embeddings")], epsilon=1e-12)
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        mixed = g.node("MatMul", [attention(g, x, layer), g.weight(f"{layer}.attention.output.dense")])
        x = skip_norm(g, mixed, x, f"{layer}.attention.output")
        up = g.node("MatMul", [x, g.weight(f"{layer}.intermediate.dense")])
        up = g.fused("BiasGelu", [up, g.bias(f"{layer}.intermediate.dense")])
        down = g.node("MatMul", [up, g.weight(f"{layer}.output.dense")])
        x = skip_norm(g, down, x, f"{layer}.output")
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])
    places = helper.make_tensor_value_info("positions", TensorProto.INT64, ["tokens"])
    rows = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "tokens", 384])
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
    vectors = numpy.fromfile(GOLDEN / "vectors.f32", "<f4").reshape(-1, 384)
    number = next(i for i, line in enumerate(lines) if 20 < len(json.loads(line)["ids"]) < 60)
    ids = [101, *json.loads(lines[number])["ids"], 102]
    mean = run(session, numpy.array([ids]))[0].mean(0)
    cosine = mean @ vectors[number] / numpy.linalg.norm(mean)
    assert cosine > 0.99999, cosine


def work(model, tokens, barrier, results):
    session = open_session(model)
    batch = TOKENS_PER_BATCH // tokens
    times = TOKENS_PER_RUN // TOKENS_PER_BATCH
    ids = numpy.random.default_rng(1).integers(1000, 30000, (batch, tokens))
    run(session, ids)
    rates = []
    for _ in range(RUNS):
        barrier.wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            run(session, ids)
        n = times * batch
        rates.append((n / (time.perf_counter() - wall), n / (time.process_time() - cpu)))
    results.put(rates)


def measure(model, tokens, processes):
    barrier, results = multiprocessing.Barrier(processes), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(model, tokens, barrier, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    together = statistics.median(sum(r[i][0] for r in rates) for i in range(RUNS))
    per_cpu = statistics.median(cpu for r in rates for _, cpu in r)
    return together, per_cpu


def main():
    model = build(read_safetensors(sys.argv[1]))
    name = sys.argv[2] if len(sys.argv) > 2 else "onnxruntime"
    onnxruntime.set_default_logger_severity(3)
    prove(open_session(model))
    print(f"# onnxruntime {onnxruntime.__version__}")
    for tokens in LENGTHS:
        for processes in PROCESSES:
            together, per_cpu = measure(model, tokens, processes)
            print(f"{name}\t{tokens}\t{processes}\t{together:.1f}\t{per_cpu:.1f}", flush=True)


main()
