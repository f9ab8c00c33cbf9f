"""``amfacpose demo``: one picture, drawn."""

from mmpose_amfac.cli.predict import DEFAULT_DET, add_model_options, build_estimator, output_folder


def add_parser(subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        'demo', help='draw the persons of one picture',
        description="Writes OUT/demo.png and OUT/demo.json. The default picture is scikit-image's astronaut. When the "
        'weights of the default detector cannot be had, the whole picture is taken as one person.')
    parser.add_argument('--image', metavar='PATH', help='another picture')
    add_model_options(parser)
    parser.add_argument('--out', default='demo_output', metavar='DIR', help='results go here (default %(default)s)')
    parser.set_defaults(func=run)


def run(args) -> int:
    """Predict one picture, write the drawing and the JSON."""
    from pathlib import Path

    from mmpose_amfac.apis import Frame, JsonWriter
    from mmpose_amfac.apis.sources import astronaut, read_image
    from mmpose_amfac.apis.writers import keep_inputs, write_image
    from mmpose_amfac.draw import draw_poses
    out = output_folder(args.out)
    if args.image:
        keep_inputs([out / 'demo.png', out / 'demo.json'], [args.image])
        frame = Frame(Path(args.image).name, 0, read_image(_existing(args.image)))
    else:
        frame = Frame('astronaut.png', 0, astronaut())
    estimator = build_estimator(args)
    detector, name = _detector(args, str(estimator.device))
    poses = estimator(frame.image, *detector(frame.image))
    info = dict(model=args.model, boxes=name, flip_test=args.flip)
    picture = write_image(out / 'demo.png', draw_poses(frame.image, poses, estimator.skeleton, args.kpt_thr))
    with JsonWriter(out / 'demo.json', estimator.skeleton, info) as writer:
        writer.write(frame, poses)
    _mention_card(estimator.weights)
    print(f'{len(poses)} person{"" if len(poses) == 1 else "s"}\n{picture}\n{writer.path}')
    return 0


def _existing(path):
    from pathlib import Path

    from mmpose_amfac.errors import AMFACError
    if not Path(path).is_file():
        raise AMFACError(f'picture {path} does not exist')
    return path


def _detector(args, device: str):
    from mmpose_amfac.apis import build_detector
    from mmpose_amfac.apis.detectors import WHOLE_IMAGE
    from mmpose_amfac.errors import AMFACError
    if args.det or args.det_weights:
        det = args.det or DEFAULT_DET
        return build_detector(det, args.det_weights, device, args.score_thr, threads=args.threads), det
    try:
        return build_detector(DEFAULT_DET, None, device, args.score_thr), DEFAULT_DET
    except AMFACError as error:
        print(f'no detector, so the whole picture is taken as one person: {error}')
        return build_detector(WHOLE_IMAGE), WHOLE_IMAGE


def _mention_card(weights) -> None:
    """Say how good the packaged weights are."""
    import json

    from mmpose_amfac import paths
    from mmpose_amfac.files import sha256
    card = weights.with_suffix('.json')
    # elsewhere a file of this name is the user's, whatever it holds
    if weights.resolve().parent != paths.WEIGHTS.resolve() or not card.is_file():
        return
    fields = json.loads(card.read_text(encoding='utf-8'))
    if fields['weights_sha256'] != sha256(weights):
        return
    print(f'{weights.name}: AP {fields["ap"]:.3f} on {fields["ap_dataset"]} with {fields["boxes"]} '
          f'boxes, {"with" if fields["flip_test"] else "without"} flip test')
