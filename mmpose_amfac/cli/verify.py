"""``amfacpose verify``: an exported file against the network that it was made of."""

from mmpose_amfac.cli.export import add_sample_options


def add_parser(subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        'verify', help='check an exported file against the trained network again',
        description='Needs FILE.json beside FILE. Exit code 0: passed, 1: rejected, or the manifest stays rejected, as '
        'another check found that, 2: the call was wrong or the file is not the one of its manifest, 3: unverified, as '
        'nothing here can judge it (int8 needs --ann).')
    parser.add_argument('file', metavar='FILE', help='.onnx, .xml, .engine or .ts')
    parser.add_argument('--config', metavar='NAME|CONFIG', help='needed with a config file; default: the packaged '
                        'model that the manifest names')
    parser.add_argument('--weights', metavar='FILE', help='default: the local file that the manifest names')
    add_sample_options(parser)
    parser.set_defaults(func=run)


def run(args) -> int:
    """Verify, report; returns the exit code."""
    from mmpose_amfac.deploy.verdict import exit_code
    from mmpose_amfac.deploy.verify import told, verify_file
    report = verify_file(args.file, args.config, args.weights, args.images, args.ann, args.image_root)
    for line in told(report):
        print(line)
    return exit_code(report)
