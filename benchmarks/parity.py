"""Every export of a model against torch: pixels, AP and size.

    python -m benchmarks.parity ANNOTATIONS.json [--image-root FOLDER] [--model NAME] [--out FILE.json]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from benchmarks.record import environment
from mmpose_amfac.deploy.export import FORMATS, export
from mmpose_amfac.errors import MissingPackageError, one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime.engines import usable_cores

FIGURES = ('status', 'reasons', 'max_px', 'mean_px', 'limit_px', 'batch_px', 'joints', 'compared', 'left_out', 'ap',
           'ap_torch', 'ap_persons', 'engine', 'arithmetic')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('annotations', type=Path)
    parser.add_argument('--image-root', type=Path)
    parser.add_argument('--model', default='amfacpose')
    parser.add_argument('--backends', nargs='+', choices=FORMATS, default=list(FORMATS))
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args()
    variants = [(backend, precision) for backend in args.backends for precision in FORMATS[backend].steps]
    common, rows = environment('torch', 'onnx', 'onnxruntime', 'openvino'), []
    with tempfile.TemporaryDirectory() as folder:
        for backend, precision in tqdm(variants, desc='exports', disable=None):
            out = Path(folder) / f'{backend}_{precision}{FORMATS[backend].suffix}'
            try:
                path, manifest = export(args.model, out=out, backend=backend, precision=precision, dynamic_batch=True,
                                        ann=args.annotations, image_root=args.image_root)
            except MissingPackageError as error:
                rows.append(dict(backend=backend, precision=precision, status='not run', reasons=[str(error)]))
                continue
            found = manifest.verification
            rows.append(dict(backend=backend, precision=precision, **{key: found.get(key) for key in FIGURES},
                             megabytes=round(sum((path.parent / f).stat().st_size for f in manifest.files) / 1e6, 2),
                             sha256=manifest.files))
    for row in rows:
        print({key: value for key, value in row.items() if key != 'sha256'})
    if args.out:
        write_json(args.out, dict(model=args.model, annotations=args.annotations.name,
                                  annotations_sha256=sha256(args.annotations), boxes='ground truth', flip_test=False,
                                  threads=usable_cores(), rows=rows, **common))
    return 0 if all(row['status'] in ('passed', 'not run') for row in rows) else 1


if __name__ == '__main__':
    with one_line_errors('benchmarks.parity'):
        sys.exit(main())
