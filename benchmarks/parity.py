"""Every export of a model against torch: pixels, AP and size.

    python -m benchmarks.parity ANNOTATIONS.json [--image-root FOLDER] [--model NAME] [--backends B ...]
        [--out FILE.json]

Rows that the file has already with figures, of these weights, from this device and these versions, are not made again.

Exit code 0: every file passed its check; what needs a package that is not installed has a row with the reason. 1: a
check did not pass, or an export failed; its row says why. 2: a wrong call.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from benchmarks.record import environment
from benchmarks.results import Results, reason_of
from mmpose_amfac.apis import TorchEstimator
from mmpose_amfac.deploy.export import FORMATS, export
from mmpose_amfac.errors import AMFACError, MissingPackageError, one_line_errors
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import usable_cores

FIGURES = ('status', 'reasons', 'max_px', 'mean_px', 'limit_px', 'batch_px', 'joints', 'compared', 'left_out', 'ap',
           'ap_torch', 'ap_persons', 'engine', 'arithmetic')


def measure(row: dict, args, folder: Path) -> bool:
    """Add figures or the reason to a row; whether something failed that should run."""
    backend, precision = row['backend'], row['precision']
    out = folder / f'{backend}_{precision}{FORMATS[backend].suffix}'
    try:
        path, manifest = export(args.model, out=out, backend=backend, precision=precision, dynamic_batch=True,
                                ann=args.annotations, image_root=args.image_root)
    except Exception as error:
        row['reason'] = reason_of(error)
        return not isinstance(error, MissingPackageError)
    found = manifest.verification
    row.update({key: found.get(key) for key in FIGURES}, sha256=manifest.files,
               megabytes=round(sum((path.parent / f).stat().st_size for f in manifest.files) / 1e6, 2))
    return found['status'] != 'passed'


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path)
    parser.add_argument('--image-root', type=Path)
    parser.add_argument('--model', default='amfacpose')
    parser.add_argument('--backends', nargs='+', choices=FORMATS, default=list(FORMATS))
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    if not args.annotations.is_file():
        raise AMFACError(f'{args.annotations} does not exist')
    results, failed = Results(args.out, 'parity'), False
    where, digest = environment('torch', 'onnx', 'onnxruntime', 'openvino'), sha256(args.annotations)
    weights = sha256(TorchEstimator(args.model, device='cpu').weights)
    variants = [(backend, precision) for backend in args.backends for precision in FORMATS[backend].steps]
    with tempfile.TemporaryDirectory() as folder:
        for backend, precision in tqdm(variants, desc='exports', disable=None):
            row = dict(id=f'{args.model} {weights[:8]} {backend} {precision} {digest[:8]} {where["device"]}',
                       model=args.model, backend=backend, precision=precision, annotations=args.annotations.name,
                       annotations_sha256=digest, boxes='ground truth', flip_test=False, threads=usable_cores(),
                       environment=where)
            if not results.has_figures(row['id'], where):
                failed |= measure(row, args, Path(folder))
                results.add(row)
    for row in results.rows:
        print(row.get('status', 'not run'), {key: value for key, value in row.items() if key not in (
            'id', 'sha256', 'annotations_sha256', 'environment', 'status')})
    return int(failed)


if __name__ == '__main__':
    with one_line_errors('benchmarks.parity'):
        sys.exit(main())
