"""``amfacpose autoload install|remove``."""


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        'autoload',
        help="let MMPose's own scripts know our models",
        description='Writes or removes a file in site-packages that imports mmpose_amfac whenever this Python starts, '
        "so that MMPose's unchanged scripts find our models by name.",
    )
    parser.add_argument('action', choices=('install', 'remove'))
    parser.set_defaults(func=run)


def run(args) -> int:
    from mmpose_amfac import autoload

    if args.action == 'install':
        print(f'installed {autoload.install()}')
    else:
        removed = autoload.remove()
        print(f'removed {removed}' if removed else f'autoload is not installed in {autoload.site_packages()}')
    return 0
