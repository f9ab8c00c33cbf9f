"""A roofline: what a network would take if each layer ran at the machine's own rate of arithmetic or of memory.

Each convolution and each product costs the longer of the two; what lies between them may be fused and costs nothing.
"""

import tempfile
import time
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmpose_amfac.deploy.onnx_file import write_onnx
from mmpose_amfac.runtime.engines import open_engine

# bytes; two of them fit into the last cache of most processors
COPIED = 4 << 20

# operators whose inputs and outputs are counted; what lies between them may be fused
_HEAVY = ('Conv', 'Gemm', 'MatMul')


class Rates(NamedTuple):
    """Of this machine: multiply-accumulates of a large product in torch or of dense convolutions in OpenVINO (in torch
    where that is not installed), whichever is faster, and bytes of a copy that stays in the caches, as the maps of a
    network for one person do."""

    macs_per_second: float
    bytes_per_second: float


class Work(NamedTuple):
    """Of a layer, for its batch: multiply-accumulates, and bytes that it reads and writes."""

    macs: int
    bytes: int


@cache
def rates(threads: int) -> Rates:
    """Measure the rates with so many threads, the best of several runs; takes about two seconds."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        a = torch.randn(1024, 1024)
        product = 1024**3 / _best(lambda: a @ a)
        source = torch.zeros(COPIED >> 2)
        target = torch.empty_like(source)
        copy = 2 * source.nbytes / _best(lambda: target.copy_(source))
        convolutions = _convolutions(threads)
    finally:
        torch.set_num_threads(before)
    return Rates(max(product, convolutions), copy)


def _convolutions(threads: int) -> float:
    """Multiply-accumulates per second of four 3x3 convolutions of 256 channels of 32x24."""
    import torch
    inputs = torch.zeros(1, 256, 32, 24)
    network = torch.nn.Sequential(*(torch.nn.Conv2d(256, 256, 3, padding=1) for _ in range(4)))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        if find_spec('openvino') is None:
            seconds = _best(lambda: network(inputs))
        else:
            path = Path(folder) / 'convolutions.onnx'
            write_onnx(network, inputs, path, outputs=('y', ))
            engine, inputs = open_engine(path, 'openvino', threads=threads), inputs.numpy()
            seconds = _best(lambda: engine(inputs))
    return 4 * 256 * 256 * 9 * 32 * 24 / seconds


def _best(run, seconds: float = 0.4) -> float:
    best, end = np.inf, time.perf_counter() + seconds
    run()
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def work(path) -> list[Work]:
    """Count the convolutions and products of a float32 ONNX file; empty where sizes are known only at run time."""
    import onnx
    graph = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
              for v in (*graph.input, *graph.value_info, *graph.output)}
    constants = {t.name: tuple(t.dims) for t in graph.initializer}
    shapes.update(constants)
    live = {i.name for i in graph.input}
    layers = []
    for node in graph.node:
        if live.intersection(node.input):
            live.update(node.output)
        # what is made of constants is made once
        if node.op_type not in _HEAVY or not live.intersection(node.input):
            continue
        first, second, out = (shapes.get(name, ()) for name in (*node.input[:2], node.output[0]))
        if not all(shape and all(shape) for shape in (first, second, out)):
            return []
        outputs = int(np.prod(out))
        # a weight of a convolution: (out, in / groups, kernel); a product sums over the last axis of its left factor
        layers.append(Work(outputs * int(np.prod(second[1:]) if node.op_type == 'Conv' else first[-1]),
                           4 * (int(np.prod(first)) + int(np.prod(second)) + outputs)))
    return layers


@lru_cache(8)
def _work(path, written: int) -> list[Work]:
    return work(path)


def roofline(path, threads: int) -> float | None:
    """Seconds of the roofline, for a file of convolutions and products in float32; None where sizes are not known."""
    layers = _work(path, Path(path).stat().st_mtime_ns)
    if not layers:
        return None
    speed = rates(threads)
    return sum(max(layer.macs / speed.macs_per_second, layer.bytes / speed.bytes_per_second) for layer in layers)
