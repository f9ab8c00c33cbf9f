"""Where a model file spends its time: operators by share.

    python -m benchmarks.profile FILE [--backend onnxruntime|openvino] [--threads N] [--runs N] [--out FILE.json]
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.models.nets import noise
from benchmarks.record import environment, load
from benchmarks.timing.roofline import roofline
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime.openvino_engine import openvino_core

WARM_UP = 2


def onnxruntime_operators(path, inputs, threads: int, runs: int) -> Counter:
    """Operator -> milliseconds of one run in ONNX Runtime on the CPU."""
    import onnxruntime
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / 'profile')
        session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        for _ in range(WARM_UP + runs):
            session.run(None, {session.get_inputs()[0].name: inputs})
        events = json.loads(Path(session.end_profiling()).read_text(encoding='utf-8'))
    kernels = [e for e in events if e.get('cat') == 'Node' and e['name'].endswith('_kernel_time')]
    each = len(kernels) // (WARM_UP + runs)
    total = Counter()
    for event in kernels[each * WARM_UP:]:
        total[event['args']['op_name']] += event['dur'] / 1e3 / runs
    return total


def openvino_operators(path, inputs, threads: int, runs: int) -> Counter:
    """Operator and kernel -> milliseconds of one run in OpenVINO on the CPU, in float32."""
    settings = {'INFERENCE_NUM_THREADS': threads, 'INFERENCE_PRECISION_HINT': 'f32', 'PERF_COUNT': True}
    request = openvino_core().compile_model(str(path), 'CPU', settings).create_infer_request()
    total = Counter()
    for i in range(WARM_UP + runs):
        request.infer([inputs])
        for step in request.get_profiling_info() if i >= WARM_UP else ():
            total[f'{step.node_type} {step.exec_type}'] += step.real_time.total_seconds() * 1e3 / runs
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, help='ONNX file with fixed sizes')
    parser.add_argument('--backend', choices=('onnxruntime', 'openvino'), default='onnxruntime')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--runs', type=int, default=10)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args()
    if not args.file.is_file():
        raise AMFACError(f'{args.file} does not exist')
    inputs = noise(*_input(args.file))
    find = onnxruntime_operators if args.backend == 'onnxruntime' else openvino_operators
    operators = {name: round(ms, 3) for name, ms in find(args.file, inputs, args.threads, args.runs).most_common()
                 if ms >= 0.0005}
    total, least = sum(operators.values()), roofline(args.file, args.threads)
    if least is None:
        raise AMFACError(f'{args.file} has layers whose sizes are known only at run time; there is no roofline')
    least *= 1e3
    print(f'{args.file.name}, {args.backend}, {args.threads} thread(s): {total:.1f} ms; roofline {least:.1f} ms (each '
          "convolution and product at this machine's rate of arithmetic or memory)")
    for name, ms in operators.items():
        if ms > total / 200:
            print(f'  {name:40s} {ms:8.2f} ms {100 * ms / total:5.1f} %')
    if args.out:
        write_json(args.out, dict(file=args.file.name, sha256=sha256(args.file), backend=args.backend,
                                  precision='fp32', input=inputs.shape, threads=args.threads, runs=args.runs,
                                  total_ms=round(total, 3), roofline_ms=round(least, 3), operators_ms=operators,
                                  load=load(), **environment('torch', args.backend)))
    return 0


def _input(path):
    """(width, height) and batch of the only input."""
    import onnx
    shape = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    if len(shape) != 4 or not all(shape):
        raise AMFACError(f'{path} takes the input {shape}; a fixed (batch, 3, height, width) is needed')
    return (shape[3], shape[2]), shape[0]


if __name__ == '__main__':
    with one_line_errors('benchmarks.profile'):
        sys.exit(main())
