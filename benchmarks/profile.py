"""Where a model file spends its time: operators by share.

    python -m benchmarks.profile FILE [--backend onnxruntime|openvino] [--threads N] [--runs N] [--out FILE.json]

The engine is opened with the options of our runtime, and its profiler on, which costs some time itself. Figures are
means of the runs, after two that do not count; the spread of the runs stands beside their sum.

Exit code 0: complete. 1: the engine failed; the row says why. 2: a wrong call.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.models.nets import noise
from benchmarks.record import environment, load
from benchmarks.results import Results, reason_of
from benchmarks.timing.roofline import roofline
from benchmarks.timing.rounds import spread
from mmpose_amfac.errors import AMFACError, integer, one_line_errors
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import open_engine
from mmpose_amfac.runtime.openvino_engine import openvino_core

WARM_UP = 2


def onnxruntime_operators(path, inputs, threads: int, runs: int) -> list[Counter]:
    """Operator -> milliseconds of each run in ONNX Runtime on the CPU."""
    import onnxruntime
    options = open_engine(path, 'onnxruntime', threads=threads).session.get_session_options()
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / 'profile')
        session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        for _ in range(WARM_UP + runs):
            session.run(None, {session.get_inputs()[0].name: inputs})
        events = json.loads(Path(session.end_profiling()).read_text(encoding='utf-8'))
    kernels = [e for e in events if e.get('cat') == 'Node' and e['name'].endswith('_kernel_time')]
    each = len(kernels) // (WARM_UP + runs)
    found = []
    for run in range(WARM_UP, WARM_UP + runs):
        found.append(Counter())
        for event in kernels[each * run:each * (run + 1)]:
            found[-1][event['args']['op_name']] += event['dur'] / 1e3
    return found


def openvino_operators(path, inputs, threads: int, runs: int) -> list[Counter]:
    """Operator and kernel -> milliseconds of each run in OpenVINO on the CPU, in float32."""
    # those of our engine, which cannot be told to count
    settings = {'INFERENCE_PRECISION_HINT': 'f32', 'NUM_STREAMS': 1, 'INFERENCE_NUM_THREADS': threads,
                'PERF_COUNT': True}
    request = openvino_core().compile_model(str(path), 'CPU', settings).create_infer_request()
    found = []
    for _ in range(WARM_UP + runs):
        request.infer([inputs])
        found.append(Counter())
        for step in request.get_profiling_info():
            found[-1][f'{step.node_type} {step.exec_type}'] += step.real_time.total_seconds() * 1e3
    return found[WARM_UP:]


OPERATORS = dict(onnxruntime=onnxruntime_operators, openvino=openvino_operators)


def measure(row: dict, path: Path, runs: int) -> None:
    """Add the figures to a row."""
    width, height = row['input'][:1:-1]
    inputs = noise((width, height), row['input'][0])
    row['load'] = load()
    found = OPERATORS[row['backend']](path, inputs, row['threads'], runs)
    means = Counter()
    for run in found:
        means.update({name: ms / runs for name, ms in run.items()})
    operators = {name: round(ms, 3) for name, ms in means.most_common() if ms >= 0.0005}
    least = roofline(path, row['threads'])
    if least is None:
        raise AMFACError(f'{path} has layers whose sizes are known only at run time; there is no roofline')
    row.update(runs=runs, total_ms=round(sum(operators.values()), 3), roofline_ms=round(least * 1e3, 3),
               operators_ms=operators, spread_ms=spread([sum(run.values()) for run in found]))


def show(row: dict) -> None:
    """Operators with half a percent of the time or more."""
    if 'reason' in row:
        print(f'{row["file"]}, {row["backend"]}: {row["reason"]}')
        return
    total = row['total_ms']
    print(f'{row["file"]}, {row["backend"]}, {row["threads"]} thread(s): {total:.1f} ms; roofline '
          f'{row["roofline_ms"]:.1f} ms (each convolution and product at this machine\'s rate of arithmetic or memory)')
    for name, ms in row['operators_ms'].items():
        if ms > total / 200:
            print(f'  {name:40s} {ms:8.2f} ms {100 * ms / total:5.1f} %')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', type=Path, help='ONNX file with fixed sizes')
    parser.add_argument('--backend', choices=OPERATORS, default='onnxruntime')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--runs', type=int, default=10)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    integer('--threads', args.threads)
    integer('--runs', args.runs)
    if not args.file.is_file():
        raise AMFACError(f'{args.file} does not exist')
    results, where, digest = Results(args.out, 'profile'), environment('torch', args.backend), sha256(args.file)
    row = dict(id=f'{args.file.name} {digest[:8]} {args.backend} threads={args.threads} {where["device"]}',
               file=args.file.name, sha256=digest, backend=args.backend, precision='fp32', threads=args.threads,
               input=_input(args.file), environment=where)
    if not results.has_figures(row['id'], where):
        done = dict(row)
        try:
            measure(done, args.file, args.runs)
        except Exception as error:
            done = {**row, 'reason': reason_of(error)}
        results.add(done)
    done = next(found for found in results.rows if found['id'] == row['id'])
    show(done)
    return int('reason' in done)


def _input(path) -> list[int]:
    """(batch, 3, height, width) of the only input."""
    import onnx
    shape = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    if len(shape) != 4 or not all(shape):
        raise AMFACError(f'{path} takes the input {shape}; a fixed (batch, 3, height, width) is needed')
    return shape


if __name__ == '__main__':
    with one_line_errors('benchmarks.profile'):
        sys.exit(main())
