"""The least time that a network can take on a machine: its arithmetic and its memory at the machine's own rates."""

import time
from functools import cache
from typing import NamedTuple

import numpy as np

# operators whose inputs and outputs are counted; what lies between them may be fused
_HEAVY = ('Conv', 'Gemm', 'MatMul')


class Rates(NamedTuple):
    """Of this machine: multiply-accumulates of a large matrix product, and bytes of a copy beyond the caches."""

    macs_per_second: float
    bytes_per_second: float


class Work(NamedTuple):
    """Of a file, for its batch: multiply-accumulates, and bytes that its convolutions and products read and write."""

    macs: int
    bytes: int


@cache
def rates(threads: int) -> Rates:
    """Measure the rates with so many threads, the best of several runs; takes about a second."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        a = torch.randn(1024, 1024)
        product = 1024**3 / _best(lambda: a @ a)
        source = torch.zeros(64 << 20 >> 2)
        target = torch.empty_like(source)
        copy = 2 * source.nbytes / _best(lambda: target.copy_(source))
    finally:
        torch.set_num_threads(before)
    return Rates(product, copy)


def _best(run, seconds: float = 0.4) -> float:
    best, end = np.inf, time.perf_counter() + seconds
    run()
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def work(path) -> Work:
    """Count a float32 ONNX file with fixed sizes."""
    import onnx
    graph = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
              for v in (*graph.input, *graph.value_info, *graph.output)}
    constants = {t.name: tuple(t.dims) for t in graph.initializer}
    shapes.update(constants)
    live = {i.name for i in graph.input}
    macs = moved = 0
    for node in graph.node:
        if live.intersection(node.input):
            live.update(node.output)
        # what is made of constants is made once
        if node.op_type not in _HEAVY or not live.intersection(node.input):
            continue
        first, second, out = (shapes.get(name, ()) for name in (*node.input[:2], node.output[0]))
        outputs = int(np.prod(out))
        # a weight of a convolution: (out, in / groups, kernel); a product sums over the last axis of its left factor
        macs += outputs * int(np.prod(second[1:]) if node.op_type == 'Conv' else first[-1])
        moved += 4 * (int(np.prod(first)) + int(np.prod(second)) + outputs)
    return Work(macs, moved)


def floor(path, threads: int) -> float:
    """Seconds: arithmetic at the rate of a matrix product plus bytes at the rate of a copy."""
    load, speed = work(path), rates(threads)
    return load.macs / speed.macs_per_second + load.bytes / speed.bytes_per_second
