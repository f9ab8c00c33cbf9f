"""Time of one Mish in each of its forms.

    python -m benchmarks.mish [--size C H W] [--threads N] [--rounds N] [--out FILE.json]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.record import environment, load
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.deploy.mish import FORMS
from mmpose_amfac.deploy.onnx_file import write_onnx
from mmpose_amfac.errors import integers, one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime.engines import open_engine


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', nargs=3, type=int, default=[64, 192, 144], metavar=('C', 'H', 'W'))
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    import torch
    integers('--size', args.size, 3)
    inputs = np.random.default_rng(0).standard_normal((1, *args.size), np.float32)
    candidates, rows = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for form, kind in {'relu': torch.nn.ReLU, **FORMS}.items():
            path = Path(folder) / f'{form}.onnx'
            write_onnx(kind(), torch.from_numpy(inputs), path, outputs=('y', ))
            for backend in ('onnxruntime', 'openvino'):
                engine = open_engine(path, backend, threads=args.threads)
                candidates[backend, form] = lambda engine=engine: engine(inputs)
                rows[backend, form] = dict(backend=backend, form=form, size=args.size, batch=1, threads=args.threads,
                                           precision=engine.precision, sha256=sha256(path))
    common = dict(environment('torch', 'onnxruntime', 'openvino'), load=load())
    for key, values in interleaved(candidates, args.rounds).items():
        row = rows[key]
        row.update(ms=spread(values * 1e3), rounds=args.rounds, **common)
        print(f'{row["backend"]:12s} {row["form"]:8s} {row["ms"][0]:7.2f} ms [{row["ms"][1]:.2f}, {row["ms"][2]:.2f}]')
    if args.out:
        write_json(args.out, dict(rows=list(rows.values())))
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.mish'):
        sys.exit(main())
