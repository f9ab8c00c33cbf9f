"""``amfacpose export``: weights -> a file for an inference engine, checked against torch."""

BACKENDS = ('onnx', 'onnxruntime', 'openvino', 'tensorrt', 'torchscript')
PRECISIONS = ('fp32', 'fp16', 'int8')


def add_parser(subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        'export', help='write a model for ONNX Runtime, OpenVINO, TensorRT or TorchScript, and check it',
        description='Writes FILE and FILE.json (the manifest, all that a runtime needs besides). Exit code 0: the file '
        'gives the joints of the trained network, 1: it does not and is marked rejected, 2: the call was wrong, 3: '
        'unverified, as nothing here can judge it (int8 needs --ann).')
    parser.add_argument('--model', default='amfacpose', metavar='NAME|CONFIG',
                        help='packaged model or config file (default %(default)s)')
    parser.add_argument('--weights', metavar='FILE', help='checkpoint; needed with a config file')
    parser.add_argument('--backend', choices=BACKENDS, default='onnxruntime',
                        help='what will run the file; onnx suits any engine (default %(default)s)')
    parser.add_argument('--precision', choices=PRECISIONS, default='fp32', help='(default %(default)s)')
    batch = parser.add_mutually_exclusive_group()
    batch.add_argument('--dynamic-batch', action='store_true', help='any number of crops at once')
    batch.add_argument('--batch', type=int, default=1, metavar='N', help='crops at once (default %(default)s)')
    parser.add_argument('--half-weights', action='store_true',
                        help='ONNX: store weights in float16, compute in float32 (half the size)')
    parser.add_argument('--opset', type=int, default=17, metavar='N', help='ONNX operator set (default %(default)s)')
    add_sample_options(parser)
    parser.add_argument('--out', metavar='FILE', help='default: MODEL_BACKEND_PRECISION in the current folder')
    parser.set_defaults(func=run)


def add_sample_options(parser) -> None:
    """Options that choose the crops to verify with."""
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument('--images', metavar='DIR', help='verify on these pictures, each as one box (default: '
                          'crops of the pictures that scikit-image installs)')
    pictures.add_argument('--ann', metavar='FILE', help='verify on the persons of COCO annotations, and their AP too')
    parser.add_argument('--image-root', metavar='DIR', help='where the pictures of --ann lie, if not beside it')


def run(args) -> int:
    """Export, report; returns the exit code."""
    from mmpose_amfac.deploy.export import export
    from mmpose_amfac.deploy.verdict import exit_code
    from mmpose_amfac.deploy.verify import told
    path, manifest = export(args.model, args.weights, args.out, args.backend, args.precision, args.dynamic_batch,
                            args.batch, args.opset, args.half_weights, args.images, args.ann, args.image_root)
    size = sum((path.parent / name).stat().st_size for name in manifest.files)
    print(f'{path}  {size / 1e6:.1f} MB, batch {manifest.batch or "any"}, {manifest.backend} {manifest.precision}')
    for what in ('applied', 'skipped'):
        for rewrite in manifest.source[what]:
            print(f'  {what}: {rewrite}')
    for line in told(manifest.verification):
        print(f'  {line}')
    return exit_code(manifest.verification)
