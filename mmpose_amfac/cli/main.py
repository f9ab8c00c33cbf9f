"""Entry point of ``amfacpose``."""

import argparse
import difflib
import os
import sys
from importlib import import_module
from importlib.util import find_spec

from mmpose_amfac import __version__
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.memory import keep_memory
from mmpose_amfac.packages import in_runtime, install_command

VERBS = ('predict', 'demo', 'export', 'verify', 'doctor', 'autoload')


class _Parser(argparse.ArgumentParser):
    """One-line errors, and no abbreviated options that a later option would change."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def error(self, message: str):
        self.exit(2, f'amfacpose: error: {message} (see {self.prog} --help)\n')


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs. A verb is a light module ``cli/VERB.py`` with ``add_parser(subparsers)``."""
    parser = _Parser(prog='amfacpose', description='Human poses with AMFACPose.')
    parser.add_argument('--version', action='version', version=f'amfacpose {__version__}')
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB', parser_class=_Parser)
    for verb in VERBS:
        import_module(f'mmpose_amfac.cli.{verb}').add_parser(verbs)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb. Returns the exit code: 0 all good, 1 done in part or a problem found, 2 the caller's mistake."""
    parser = build_parser()
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        _reject(parser, args.verb, unknown)
    keep_memory()
    try:
        return args.func(args) or 0
    except AMFACError as error:
        message = str(error)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition('.')[0] == 'mmpose_amfac':
            raise
        message = f'{args.verb} needs {_missing(error.name)}'
    except BrokenPipeError:
        # the reader has gone, as `| head` does; Python's own flush at the end must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # without Python's number
        message = f'{error.filename}: {error.strerror}' if error.filename and error.strerror else str(error)
    except KeyboardInterrupt:
        print('amfacpose: stopped', file=sys.stderr)
        return 130
    print(f'amfacpose: error: {message}', file=sys.stderr)
    return 2


def _missing(name: str) -> str:
    if find_spec('torch') is None and not in_runtime(name):
        return (f'{name} and more that is not installed: torch and OpenMMLab\'s packages (in a checkout: make deploy; '
                'amfacpose doctor lists what is missing)')
    return f'{name}, which is not installed: {install_command(name)}'


def _reject(parser: argparse.ArgumentParser, verb: str, unknown: list[str]) -> None:
    verbs = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    chosen = verbs.choices[verb]
    options = sorted(chosen._option_string_actions)
    typed = next((word for word in unknown if word.startswith('-')), None)
    if typed is None:
        chosen.error(f'unexpected argument {unknown[0]!r}')
    near = difflib.get_close_matches(typed.partition('=')[0], options, n=3, cutoff=0.55) or options
    chosen.error(f'unknown option {typed}; nearest: {", ".join(near)}')
