"""Time of one Mish in each of its forms, beside ReLU.

    python -m benchmarks.mish [--size C H W] [--threads N] [--rounds N] [--backends B ...] [--out FILE.json]

All forms and back ends run in turn, in rounds. A file that has all of them already, from this device and these
versions, is left as it is; else all are measured anew.

Exit code 0: complete; what needs a package that is not installed has a row with the reason. 1: a form that should run
failed; its row says why. 2: a wrong call.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.record import environment, load
from benchmarks.results import Results, reason_of
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.deploy.mish import FORMS
from mmpose_amfac.deploy.onnx_file import write_onnx
from mmpose_amfac.errors import MissingPackageError, integer, integers, one_line_errors
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import open_engine

BACKENDS = ('onnxruntime', 'openvino')


def rows_of(args, where: dict) -> dict[tuple[str, str], dict]:
    """(back end, form) -> the settings of its row in the environment ``where``."""
    size = 'x'.join(map(str, args.size))
    return {(backend, form): dict(
        id=f'{form} {size} {backend} threads={args.threads} {where["device"]}', backend=backend, form=form,
        size=args.size, batch=1, threads=args.threads, environment=where)
        for form in ('relu', *FORMS) for backend in args.backends}


def measure(rows: dict, args, folder: Path) -> bool:
    """Add figures or reasons to the rows; whether something failed that should run."""
    import torch
    inputs = np.random.default_rng(0).standard_normal((1, *args.size), np.float32)
    candidates, failed = {}, False
    for (backend, form), row in rows.items():
        path = folder / f'{form}.onnx'
        try:
            if not path.is_file():
                kind = torch.nn.ReLU if form == 'relu' else FORMS[form]
                write_onnx(kind(), torch.from_numpy(inputs), path, outputs=('y', ))
            engine = open_engine(path, backend, threads=args.threads)
            engine(inputs)
        except Exception as error:
            row['reason'] = reason_of(error)
            failed |= not isinstance(error, MissingPackageError)
            continue
        candidates[backend, form] = lambda engine=engine: engine(inputs)
        row.update(precision=engine.precision, sha256=sha256(path), rounds=args.rounds, load=load())
    for key, values in interleaved(candidates, args.rounds).items():
        rows[key]['ms'] = spread(values * 1e3)
    return failed


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', nargs=3, type=int, default=[64, 192, 144], metavar=('C', 'H', 'W'))
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--backends', nargs='+', choices=BACKENDS, default=BACKENDS)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    integers('--size', args.size, 3)
    integer('--threads', args.threads)
    integer('--rounds', args.rounds)
    results, where = Results(args.out, 'mish'), environment('torch', *BACKENDS)
    rows, failed = rows_of(args, where), False
    if not all(results.has_figures(row['id'], where) for row in rows.values()):
        with tempfile.TemporaryDirectory() as folder:
            failed = measure(rows, args, Path(folder))
        results.add(*rows.values())
    for row in results.rows:
        told = '{:7.2f} ms [{:.2f}, {:.2f}]'.format(*row['ms']) if 'ms' in row else row['reason']
        print(f'{row["backend"]:12s} {row["form"]:8s} {told}')
    return int(failed)


if __name__ == '__main__':
    with one_line_errors('benchmarks.mish'):
        sys.exit(main())
