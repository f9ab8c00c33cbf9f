"""Time of networks on this machine, as quotients to RTMPose-m of the same run.

    python -m benchmarks.speed [--nets NAME ...] [--int8 NAME ...] [--written] [--backends ...] [--batches ...]
                               [--threads ...] [--rounds N] [--out FILE.json]

Random weights: speed does not depend on them. Every file is compared with torch before its time counts.
"""

import argparse
import gc
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks import floor, nets
from benchmarks.timing import interleaved, load, spread
from mmpose_amfac import __version__
from mmpose_amfac.apis.report import commit, cpu_name
from mmpose_amfac.errors import one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime.engines import open_engine

FILES = Path('work_dirs/benchmarks')
BASES = ('rtmpose-m-256x192', 'rtmpose-m-384x288')
# largest relative difference of float32 outputs from torch's
TOLERANCE = 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--nets', nargs='+', choices=nets.NETS, default=list(nets.NETS), metavar='NAME')
    parser.add_argument('--backends', nargs='+', choices=('onnxruntime', 'openvino'),
                        default=['onnxruntime', 'openvino'])
    parser.add_argument('--int8', nargs='+', choices=nets.NETS, default=[], metavar='NAME',
                        help='networks to time in int8 as well')
    parser.add_argument('--batches', nargs='+', type=int, default=[1])
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--written', action='store_true', help='our networks without rewrites as well')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--files', type=Path, default=FILES, help='ONNX files are kept here (default %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args()
    names = list(dict.fromkeys([*args.nets, *BASES]))
    # now, for files may change while it runs
    device, at = cpu_name(), commit()
    rows = []
    for backend in args.backends:
        for threads in args.threads:
            for batch in args.batches:
                found = measure(names, backend, threads, batch, args)
                show(found)
                rows += found
                if args.out:
                    # after each group: what is measured is not lost
                    write_json(args.out, dict(device=device, commit=at, rows=rows))
    return 0


def measure(names, backend: str, threads: int, batch: int, args) -> list[dict]:
    """One interleaved run of all networks and precisions."""
    chosen = [(name, 'deploy', 'fp32') for name in names] + [(name, 'deploy', 'int8') for name in args.int8]
    if args.written:
        chosen += [(name, 'written', 'fp32') for name in names if nets.NETS[name].ours]
    engines, rows = {}, {}
    for key in tqdm(chosen, desc=f'{backend}, {threads} thread(s), batch {batch}: files', disable=None, leave=False):
        name, form, precision = key
        path = nets.write(name, args.files, backend, form, precision, batch)
        engine = open_engine(path, backend, threads=threads)
        inputs = nets.noise(nets.NETS[name].size, batch)
        rows[key] = dict(
            net=name, form=form if nets.NETS[name].ours else 'as published', precision=precision,
            input=list(nets.NETS[name].size), backend=backend, provider=engine.provider,
            arithmetic=engine.precision, threads=threads, batch=batch, sha256=sha256(path),
            difference_from_torch=compare(name, engine, inputs, precision),
            floor_ms=round(1e3 * floor.floor(path, threads), 3) if (form, precision) == ('deploy', 'fp32') else None,
            versions=_versions(backend))
        engines[key] = lambda engine=engine, inputs=inputs: engine(inputs)
    before = load()
    with tqdm(total=args.rounds, desc='rounds', disable=None, leave=False) as bar:
        seconds = interleaved(engines, args.rounds, progress=bar.update)
    for key, row in rows.items():
        row.update(ms=spread(seconds[key] * 1e3), rounds=args.rounds, load=before,
                   ratios={base: spread(seconds[key] / seconds[base, 'deploy', 'fp32']) for base in BASES
                           if (base, 'deploy', 'fp32') in seconds})
    engines.clear()
    gc.collect()
    return list(rows.values())


def compare(name: str, engine, inputs, precision: str) -> float:
    """Largest difference of the outputs from torch's, relative to the largest output.

    Raises:
        SystemExit: a float32 file that does not compute what torch computes.
    """
    reference = nets.expected(name, inputs[:1])
    worst = max(abs(a[:1] - e).max() / abs(e).max() for a, e in zip(engine(inputs), reference))
    if precision == 'fp32' and not worst <= TOLERANCE:
        sys.exit(f'{name}: the outputs of {engine.backend} differ from torch by {worst:.1e}; no time is taken')
    return float(f'{worst:.2e}')


def _versions(backend: str) -> dict:
    from importlib.metadata import version
    return {'mmpose_amfac': __version__, **{name: version(name) for name in ('torch', 'mmpose', backend)}}


def show(rows: list[dict]) -> None:
    """A table of one group."""
    print(f'\n{rows[0]["backend"]}, {rows[0]["threads"]} thread(s), batch {rows[0]["batch"]}, load {rows[0]["load"]}')
    print(f'{"":46s} ms median [p10, p90]      floor   ratio to RTMPose-m 256x192, 384x288')
    for row in sorted(rows, key=lambda r: r['ms'][0]):
        ms, ratios = row['ms'], [row['ratios'].get(base, ['']) for base in BASES]
        print(f'{row["net"]:20s} {row["form"]:12s} {row["precision"]:5s} {ms[0]:15.2f} [{ms[1]:7.2f}, {ms[2]:7.2f}] '
              f'{row["floor_ms"] or "":>8}   {"   ".join(str(r[0]) for r in ratios)}')


if __name__ == '__main__':
    with one_line_errors('benchmarks.speed'):
        sys.exit(main())
