"""Time of the systems of the comparison on this machine, as quotients to RTMPose-m of the same rounds.

    python -m benchmarks.speed [NAME | CONFIG.py ...] [--family-small | --all] [--backends eager onnxruntime ...]
        [--threads 1 2] [--batches 1 8 32] [--rounds N] [--seconds S] [--longest S] [--int8 NAME ...] [--written]
        [--files DIR] [--keep] [--device cpu|cuda|cuda:N] [--again] [--out FILE.json]

Random weights: speed does not depend on them. Every file is written by MMDeploy (its ONNX file, in OpenVINO too), or by
torch.onnx alone where MMDeploy does not export the network, and compared with torch before its time counts. For each
system, number of threads and batch all back ends run in turns with RTMPose-m in the same back ends. Systems that share
a network are timed once. Figures that the file has, of this device and these versions, are not measured again; rows
with a reason are. What cannot run, or whose call takes longer than --longest, gets a row with the reason.

Exit code 0: complete, rows with a reason that is no fault included. 1: something that should work failed: a file does
not compute what torch computes, a back end failed unexpectedly, or the process ended while a row was measured. 2: a
wrong call.
"""

import argparse
import re
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks import zoo
from benchmarks.joined import representatives
from benchmarks.models import nets
from benchmarks.results import Results
from benchmarks.timing.bench import LEAST, Bench, key
from benchmarks.timing.opened import BACKENDS
from mmpose_amfac.errors import AMFACError, integer, number, one_line_errors

FILES = Path('work_dirs/benchmarks')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME|CONFIG.py', help='default: the smallest of each family')
    parser.add_argument('--family-small', action='store_true', help='the smallest network of each family as well')
    parser.add_argument('--all', action='store_true', help='every system that has a config')
    parser.add_argument('--backends', nargs='+', choices=BACKENDS, default=['eager', 'onnxruntime', 'openvino'],
                        help='graph: a CUDA graph of the eager network')
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--batches', nargs='+', type=int, default=[1])
    parser.add_argument('--rounds', type=int, default=30, help=f'at most; at least {LEAST} (default %(default)s)')
    parser.add_argument('--seconds', type=float, default=20,
                        help='for the rounds of a system, thread count and batch, unless the least number of rounds '
                        'takes longer (default %(default)s)')
    parser.add_argument('--longest', type=float, default=6, help='seconds of one call (default %(default)s)')
    parser.add_argument('--int8', nargs='+', default=[], metavar='NAME', help='of these in int8 as well')
    parser.add_argument('--written', action='store_true', help='our networks without rewrites as well')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N (default %(default)s)')
    parser.add_argument('--precision', choices=('fp32', 'bf16', 'fp16'), default='fp32', help='of torch')
    parser.add_argument('--files', type=Path, default=FILES, help='folder for ONNX files (default %(default)s)')
    parser.add_argument('--keep', action='store_true', help='leave the files there')
    parser.add_argument('--again', action='store_true', help='also rows during which the process ended')
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    for field in ('threads', 'batches'):
        for value in getattr(args, field):
            integer(f'--{field}', value)
    integer('--rounds', args.rounds, LEAST)
    for field in ('seconds', 'longest'):
        number(f'--{field}', getattr(args, field), 0, low_itself=False)
    _prepare(args.device)
    import torch
    results, networks = Results(args.out, 'speed'), chosen(args)
    bench, before = Bench(args, results, {key(_system(name)) for name in args.int8}), torch.get_num_threads()
    try:
        for systems in tqdm(networks, desc='networks', disable=None, leave=False):
            bench.measure(systems)
    finally:
        torch.set_num_threads(before)
        bench.close()
    show(results.rows)
    return int(bench.failed)


def _prepare(device: str) -> None:
    """Make the device torch's current one, in float32 without TF32.

    Raises:
        AMFACError: there is no such device.
    """
    if not re.fullmatch(r'cpu|cuda(:\d+)?', device):
        raise AMFACError(f'--device {device} is not known; allowed: cpu, cuda, cuda:N')
    if device == 'cpu':
        return
    import torch
    number = int(device.partition(':')[2] or 0)
    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        raise AMFACError(f'--device {device}: torch finds no such CUDA device here')
    torch.cuda.set_device(number)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def _system(name: str) -> zoo.System:
    return zoo.of_config(name) if name.endswith('.py') else zoo.find(name)


def chosen(args) -> list[list[zoo.System]]:
    """Systems to time; those that share a network stand together."""
    found = [_system(name) for name in [*args.names, *args.int8]]
    if args.all:
        found += [system for system in zoo.systems().values() if system.source]
    if args.family_small or not found:
        found += [zoo.find(line.name) for line in representatives().values()]
    networks = {}
    for system in {key(system): system for system in found}.values():
        networks.setdefault(nets.identity(system), []).append(system)
    return list(networks.values())


def show(rows: list[dict]) -> None:
    """A table of all rows."""
    print(f'{"":56s} {"back end":12s} {"":18s} ms median [p10, p90]      ratio  over eager')
    for row in rows:
        start = f'{row["name"]:56s} {row["backend"]:12s} {row["precision"]} {row["threads"]}t b{row["batch"]:<3d}'
        if 'reason' in row:
            print(f'{start} {row["reason"]}')
            continue
        ms, gain = row['ms'], row.get('speedup_over_eager')
        print(f'{start} {row["form"][:8]:8s} {ms[0]:9.2f} [{ms[1]:8.2f}, {ms[2]:8.2f}] {row["ratio"][0]:7.2f} '
              f'{"" if gain is None else format(gain[0], "6.2f")}')


if __name__ == '__main__':
    with one_line_errors('benchmarks.speed'):
        sys.exit(main())
