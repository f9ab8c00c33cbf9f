"""``amfacpose doctor``: what is installed and what does not fit together."""


def add_parser(subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        'doctor', help='versions, devices and known incompatibilities with their remedies',
        description='Exit code 1 if an incompatibility is found (with --fix: if one is left).')
    parser.add_argument('--fix', action='store_true', help='run the commands that mend what is found')
    parser.set_defaults(func=run)


def run(args) -> int:
    """Print the report; with ``--fix`` run the remedies."""
    from mmpose_amfac import doctor
    for name, value in {**doctor.versions(), **doctor.devices()}.items():
        print(f'{name:<22} {value}')
    found = doctor.problems()
    if not found:
        print('\nno known incompatibility')
        return 0
    for problem in found:
        print(f'\nproblem: {problem.text}')
        for command in problem.commands:
            print(f'  {_shell(command)}')
    return _fix(found) if args.fix else 1


def _fix(found) -> int:
    import subprocess

    from mmpose_amfac import doctor
    for problem in found:
        if not problem.automatic:
            print(f'\nleft to you: {problem.text}')
            continue
        for command in problem.commands:
            print(f'\nrunning: {_shell(command)}', flush=True)
            if subprocess.run(command, check=False).returncode:
                print('  it failed')
                break
    left = doctor.problems()
    print(f'\n{len(left)} of {len(found)} problems left')
    return 1 if left else 0


def _shell(command) -> str:
    import shlex
    return shlex.join(command)
