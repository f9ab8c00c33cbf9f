"""Time of networks on this machine, as quotients to RTMPose-m of the same run.

    python -m benchmarks.speed [--nets NAME ...] [--int8 NAME ...] [--written] [--backends ...] [--batches ...]
                               [--threads ...] [--rounds N] [--out FILE.json]

Random weights: speed does not depend on them. Every file is compared with torch before its time counts.
"""

import argparse
import gc
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import nets, roofline
from benchmarks.record import environment, load
from benchmarks.timing import interleaved, spread
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime.engines import open_engine

FILES = Path('work_dirs/benchmarks')
BASES = ('rtmpose-m-256x192', 'rtmpose-m-384x288')
# largest difference of float32 outputs from torch's, relative to the largest output
TOLERANCE = 1e-3
# outputs for two pictures must differ by so many tolerances, or comparing them shows nothing
SENSITIVITY = 100
# by so much the outputs of an int8 file correlate more with torch's than those for another picture
RESEMBLANCE = 0.1


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
    rows = []
    for backend in args.backends:
        for threads in args.threads:
            for batch in args.batches:
                found = measure(names, backend, threads, batch, args)
                show(found)
                rows += found
                if args.out:
                    # after each group: what is measured is not lost
                    write_json(args.out, dict(rows=rows))
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
            **compare(name, engine, inputs, precision), roofline_ms=None)
        if (form, precision) == ('deploy', 'fp32'):
            rows[key]['roofline_ms'] = round(1e3 * roofline.roofline(path, threads), 3)
        engines[key] = lambda engine=engine, inputs=inputs: engine(inputs)
    common = dict(environment('torch', 'mmpose', backend), load=load())
    with tqdm(total=args.rounds, desc='rounds', disable=None, leave=False) as bar:
        seconds = interleaved(engines, args.rounds, progress=bar.update)
    for key, row in rows.items():
        row.update(ms=spread(seconds[key] * 1e3), rounds=args.rounds, **common,
                   ratios={base: spread(seconds[key] / seconds[base, 'deploy', 'fp32']) for base in BASES
                           if (base, 'deploy', 'fp32') in seconds})
    engines.clear()
    gc.collect()
    return list(rows.values())


def compare(name: str, engine, inputs, precision: str) -> dict:
    """How the outputs for the first picture agree with torch's: their largest difference, and for int8 the correlation.

    Random networks carry the rounding of int8 on much further than trained ones, so that there the outputs only have to
    resemble torch's more than torch's for another picture do.

    Raises:
        AMFACError: a file that does not compute what torch computes, or outputs that hardly depend on the picture.
    """
    reference, other = nets.expected(name, inputs[:1]), nets.expected(name, -inputs[:1])
    if not difference(other, reference) >= SENSITIVITY * TOLERANCE:
        raise AMFACError(f'{name}: outputs for two pictures are too much alike to compare files by them')
    found = [out[:1] for out in engine(inputs)]
    if precision == 'int8':
        alike, usual = correlation(found, reference), correlation(other, reference)
        if not alike >= usual + RESEMBLANCE:
            raise AMFACError(f'{name} int8: the outputs of {engine.backend} correlate with torch by {alike:.2f}, those '
                             f'for another picture by {usual:.2f}; no time is taken')
        return dict(correlation_with_torch=round(alike, 3))
    worst = difference(found, reference)
    if not worst <= TOLERANCE:
        raise AMFACError(f'{name}: the outputs of {engine.backend} differ from torch by {worst:.1e} of the largest; no '
                         'time is taken')
    return dict(difference_from_torch=float(f'{worst:.2e}'))


def difference(outputs, reference) -> float:
    """Largest difference of two lists of arrays, relative to the largest value of the second."""
    return max(float(abs(a - e).max() / abs(e).max()) for a, e in zip(outputs, reference, strict=True))


def correlation(outputs, reference) -> float:
    """Correlation of two lists of arrays, all values taken together."""
    return float(np.corrcoef(*(np.concatenate([v.ravel() for v in side]) for side in (outputs, reference)))[0, 1])


def show(rows: list[dict]) -> None:
    """A table of one group."""
    print(f'\n{rows[0]["backend"]}, {rows[0]["threads"]} thread(s), batch {rows[0]["batch"]}, load {rows[0]["load"]}')
    print(f'{"":46s} ms median [p10, p90]  roofline  ratio to RTMPose-m 256x192, 384x288')
    for row in sorted(rows, key=lambda r: r['ms'][0]):
        ms, ratios = row['ms'], [row['ratios'].get(base, ['']) for base in BASES]
        print(f'{row["net"]:20s} {row["form"]:12s} {row["precision"]:5s} {ms[0]:15.2f} [{ms[1]:7.2f}, {ms[2]:7.2f}] '
              f'{row["roofline_ms"] or "":>8}   {"   ".join(str(r[0]) for r in ratios)}')


if __name__ == '__main__':
    with one_line_errors('benchmarks.speed'):
        sys.exit(main())
