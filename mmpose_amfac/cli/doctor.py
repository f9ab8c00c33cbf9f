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
    # one after the other: what is known is on the screen before anything that may hang or fail
    for rows in (doctor.versions, doctor.devices):
        for name, value in rows().items():
            print(f'{name:<22} {value}', flush=True)
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
    from mmpose_amfac import doctor
    failed = 0
    for problem in found:
        if not problem.automatic:
            print(f'\nleft to you: {problem.text}')
        elif not all(map(_run, problem.commands)):
            failed += 1
    doctor.look_again()
    left = doctor.problems()
    print(f'\n{len(left)} of {len(found)} problems left')
    return 1 if left or failed else 0


def _run(command) -> bool:
    """Run a command; False, and a line that says so, where it fails."""
    import subprocess
    print(f'\nrunning: {_shell(command)}', flush=True)
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        code = error
    if code:
        print(f'  it failed ({code}); type it yourself, with what follows it above')
    return not code


def _shell(command) -> str:
    import shlex
    return shlex.join(command)
