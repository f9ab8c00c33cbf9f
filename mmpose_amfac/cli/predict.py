"""``amfacpose predict``: pictures or a video -> JSON and drawings."""

import argparse
import sys

DEFAULT_DET = 'rtmdet-nano'
# those of runtime.engines, whose import would cost every call of the command half a second
BACKENDS = ('auto', 'onnxruntime', 'onnxruntime-tensorrt', 'onnxruntime-openvino', 'openvino', 'tensorrt')


def add_parser(subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        'predict', help='find persons and their joints in pictures, a folder, a video or a webcam',
        description='Writes OUT/predictions.json (COCO format) and the drawings in OUT/drawings. Exit code 0: all '
        'inputs done, 1: some were skipped, 2: the call was wrong.')
    parser.add_argument('source', metavar='SOURCE', help='picture, folder of pictures, video or webcam:N')
    add_model_options(parser)
    parser.add_argument('--boxes', metavar='FILE', help='own boxes instead of a detector: COCO annotations or results')
    parser.add_argument('--out', default='amfacpose_out', metavar='DIR', help='results go here (default %(default)s)')
    parser.add_argument('--no-draw', action='store_true', help='write the JSON only')
    parser.add_argument('--batch-size', type=_positive, default=32, metavar='N',
                        help='person crops per network call, gathered across frames (default %(default)s)')
    parser.set_defaults(func=run)


def add_model_options(parser) -> None:
    """Options that choose network, detector and thresholds, shared by the verbs that predict."""
    parser.add_argument('--model', default='amfacpose', metavar='NAME|CONFIG|FILE',
                        help='packaged model, config file, or an exported .onnx, .xml or .engine file, which runs '
                        'without PyTorch (default %(default)s)')
    parser.add_argument('--weights', metavar='FILE', help='checkpoint; needed with a config file')
    parser.add_argument('--backend', choices=BACKENDS,
                        help='what runs an exported file (default: as its suffix says); with a packaged name it takes '
                        'the exported file of that model')
    parser.add_argument('--threads', type=_positive, metavar='N',
                        help='CPU threads of an exported file and of an ONNX detector (default: all usable cores)')
    parser.add_argument('--manifest', metavar='FILE.json',
                        help='manifest of an exported file (default: the one beside it), or an object with some of its '
                        'fields, which replace those')
    parser.add_argument('--padding', type=float, metavar='P',
                        help="factor on the box size for an exported file (default: the manifest's, else 1.25)")
    parser.add_argument('--decode', type=_pair, nargs='+', metavar='KEY=VALUE',
                        help='how an exported file is decoded: rule=simcc split_ratio=R window=N, or rule=heatmap '
                        'stride=S refine=none|quarter|dark kernel=N (what is left out: as the manifest or the outputs '
                        'say)')
    parser.add_argument('--det', metavar='ALIAS|CONFIG|FILE.onnx|whole_image',
                        help=f'person detector: rtmdet-nano, rtmdet-m, an MMDetection config, an RTMDet ONNX file, or '
                        f'whole_image (default {DEFAULT_DET})')
    parser.add_argument('--det-weights', metavar='FILE', help="the detector's checkpoint")
    parser.add_argument('--flip', action='store_true',
                        help='flip test: average with the mirrored crop (twice the time, a little more accurate)')
    parser.add_argument('--device', help='cpu, cuda, cuda:N, ... (default: cuda where PyTorch has one, else cpu; cpu '
                        'for an exported file)')
    parser.add_argument('--score-thr', type=_fraction, default=0.3, metavar='T',
                        help='boxes below this score are dropped (default %(default)s)')
    parser.add_argument('--kpt-thr', type=_fraction, default=0.5, metavar='T',
                        help='joints below this score are not drawn (default %(default)s: of packaged models, what '
                        'is more likely wrong than right)')


def run(args) -> int:
    """Predict and write; returns 1 if an input was skipped."""
    from mmpose_amfac.apis import BoxFile, DrawingWriter, build_detector, open_source
    from mmpose_amfac.apis.writers import keep_inputs
    from mmpose_amfac.errors import AMFACError
    if args.boxes and (args.det or args.det_weights):
        raise AMFACError('--boxes and --det exclude each other')
    # the cheap mistakes first, before any network is built
    out = output_folder(args.out)
    source = open_source(args.source)
    boxes = BoxFile(args.boxes) if args.boxes else None
    target = out / 'predictions.json'
    keep_inputs([target], [*source.files, *([boxes.path] if boxes else [])])
    drawings = None if args.no_draw else DrawingWriter(output_folder(out / 'drawings'), source)
    estimator = build_estimator(args, args.batch_size)
    detector = None
    if boxes is None:
        detector = build_detector(args.det or DEFAULT_DET, args.det_weights, str(estimator.device), args.score_thr,
                                  threads=args.threads)
    writer = _write(source, estimator, detector, boxes, target, drawings, args)
    unit = 'picture' if source.kind == 'pictures' else 'frame'
    print(f'{writer.num_images} {unit}{_s(writer.num_images)}, {writer.num_persons} '
          f'person{_s(writer.num_persons)}, {writer.num_skipped} skipped -> {writer.path}')
    return 1 if writer.num_skipped else 0


def build_estimator(args, batch_size: int = 32):
    """The estimator that the options of :func:`add_model_options` choose.

    Raises:
        AMFACError: options of an exported file with another model, or the reverse.
    """
    from pathlib import Path

    from mmpose_amfac.errors import AMFACError
    exported = Path(args.model).suffix.lower() in ('.onnx', '.xml', '.engine')
    if exported or args.backend:
        if args.weights:
            raise AMFACError(f'--weights belongs to a config file, not to the exported model {args.model}')
        from mmpose_amfac.manifest import Manifest
        from mmpose_amfac.runtime import AMFACPose
        estimator = AMFACPose(args.model, None, args.backend or 'auto', args.device or 'cpu', args.threads, batch_size,
                              manifest=_manifest(args), flip=args.flip)
        if args.manifest is None and not Manifest.path_of(estimator.weights).is_file():
            print(f'amfacpose: {args.model} has no manifest; taken: {estimator.manifest.decode}, padding '
                  f'{estimator.manifest.padding}, RGB, ImageNet mean and deviation', file=sys.stderr)
        return estimator
    for option in ('threads', 'manifest', 'padding', 'decode'):
        if getattr(args, option) is not None:
            raise AMFACError(f'--{option} belongs to an exported file: --model FILE.onnx')
    from mmpose_amfac.apis import TorchEstimator
    return TorchEstimator(args.model, args.weights, args.device, batch_size, args.flip)


def _manifest(args):
    """What :class:`~mmpose_amfac.runtime.AMFACPose` takes for a manifest."""
    from mmpose_amfac.errors import AMFACError
    fields = {}
    if args.padding is not None:
        fields['padding'] = args.padding
    if args.decode is not None:
        fields['decode'] = dict(args.decode)
        if len(fields['decode']) < len(args.decode):
            raise AMFACError('--decode has the same key twice')
    if fields and args.manifest is not None:
        raise AMFACError('--manifest goes without --padding and --decode; write them into that file')
    return fields or args.manifest


def _write(source, estimator, detector, boxes, target, drawings, args):
    from contextlib import ExitStack

    from tqdm import tqdm

    from mmpose_amfac.apis import JsonWriter, predict
    from mmpose_amfac.draw import draw_poses
    info = dict(model=args.model, weights=str(estimator.weights), boxes=args.boxes or args.det or DEFAULT_DET,
                score_thr=args.score_thr, flip_test=args.flip, device=str(estimator.device), backend=estimator.backend)
    with ExitStack() as stack:
        writer = stack.enter_context(JsonWriter(target, estimator.skeleton, info))
        if drawings is not None:
            stack.enter_context(drawings)
        bar = stack.enter_context(tqdm(total=source.total, unit='frame', disable=None))
        try:
            for frame, poses in predict(source, estimator, detector, boxes):
                writer.write(frame, poses)
                if frame.error is not None:
                    bar.clear()
                    print(f'amfacpose: skipped {frame.name}: {frame.error}', file=sys.stderr)
                elif drawings is not None:
                    drawings.write(frame, draw_poses(frame.image, poses, estimator.skeleton, args.kpt_thr))
                bar.update()
        except KeyboardInterrupt:
            # the way to end a camera: what was written is kept
            if source.kind != 'camera':
                raise
        if boxes is not None:
            # before the files get their names
            boxes.check_used()
    return writer


def _s(count: int) -> str:
    return '' if count == 1 else 's'


def output_folder(path):
    """The path of a folder that is there or can be made.

    Raises:
        AMFACError: it, or the folder it should lie in, is a file.
    """
    from pathlib import Path

    from mmpose_amfac.errors import AMFACError
    path = Path(path)
    there = next((place for place in (path, *path.parents) if place.exists()), None)
    if there is not None and not there.is_dir():
        raise AMFACError(f'--out {path}: {there} is a file; give a folder')
    return path


def _pair(text: str) -> tuple:
    """``KEY=VALUE`` with a whole number, a number or a word as value; the manifest knows which keys there are."""
    key, _, value = text.partition('=')
    if not key or not value:
        raise argparse.ArgumentTypeError(f'{text!r} must be KEY=VALUE; keys are rule, split_ratio and window, or rule, '
                                         'stride, refine and kernel')
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            pass
    return key, value


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text!r} must be a number in [0, 1]')
    return value


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text!r} must be a whole number, at least 1')
    return value
