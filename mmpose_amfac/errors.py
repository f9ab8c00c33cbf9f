"""The exception that a user is meant to read, and the checks that raise it."""

import sys
from contextlib import contextmanager
from numbers import Integral, Real


class AMFACError(ValueError):
    """A mistake that the caller can mend: one line that names the field or file and what is allowed."""


class MissingPackageError(AMFACError, ImportError):
    """A feature needs a package that is not installed; the message holds the exact command."""


def one_of(field: str, value, allowed) -> None:
    """Raise :class:`AMFACError` unless ``value`` is among ``allowed``."""
    if not any(type(value) is type(a) and value == a for a in allowed):
        raise AMFACError(f'{field}={value!r} is not known; allowed: {", ".join(map(repr, allowed))}')


def number(field: str, value, low: float, high: float = float('inf'), low_itself: bool = True) -> None:
    """Raise :class:`AMFACError` unless ``value`` is a finite number in [low, high), or (low, high)."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not (real and (value >= low if low_itself else value > low) and value < high):
        above = '' if high == float('inf') else f' and below {high:g}'
        raise AMFACError(f'{field}={value!r} must be a number, {"at least" if low_itself else "above"} {low:g}{above}, '
                         'and finite')


def integer(field: str, value, low: int = 1) -> None:
    """Raise :class:`AMFACError` unless ``value`` is an integer of at least ``low``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise AMFACError(f'{field}={value!r} must be an integer, at least {low}')


def integers(field: str, values, count: int | None = None, low: int = 1) -> None:
    """Raise :class:`AMFACError` unless ``values`` is a sequence of (``count``) integers of at least ``low``."""
    size = f'{count} integers' if count else 'one or more integers'
    if not isinstance(values, (tuple, list)) or not values or (count and len(values) != count):
        raise AMFACError(f'{field}={values!r} must hold {size}')
    for i, value in enumerate(values):
        integer(f'{field}[{i}]', value, low)


@contextmanager
def one_line_errors(program: str):
    """End a script with the message alone and exit code 2 at an :class:`AMFACError` or a file that is not there."""
    try:
        yield
    except (AMFACError, FileNotFoundError) as error:
        missing = isinstance(error, FileNotFoundError) and error.filename
        print(f'{program}: error: {f"{error.filename} does not exist" if missing else error}', file=sys.stderr)
        raise SystemExit(2) from None
