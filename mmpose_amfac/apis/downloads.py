"""Published files: from the cache, else from their address, checked before use."""

import os
import re
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import atomic_path, sha256

TIMEOUT = 5.0
_CHUNK = 1 << 20
# at the end of a name, a date behind them allowed: name-05d8511e, name-04af38ce_20220923, name_42b7e6e6-20230207
_DIGITS = re.compile(r'[-_]([0-9a-f]{8})(?:[-_]\d{8})?$')


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/mmpose_amfac``, or ``~/.cache/mmpose_amfac``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmpose_amfac'


def fetch(address: str, remedy: str, offline: bool = False) -> Path:
    """The local copy of a published file, checked against the digits of its sha256 that its name has.

    More than these eight digits (:func:`published_digits`) is not published, so the check finds damage and mix-ups, not
    forgeries; a file whose name has none is taken as it comes.

    Args:
        address: where the file is published.
        remedy: command that does the same with a local file, for the error message.
        offline: do not open the address.

    Raises:
        AMFACError: neither cached nor reachable (5 s without an answer), a wrong checksum, or a cache that cannot be
            written.
    """
    name = address.rsplit('/', 1)[-1]
    cached = cache_folder() / name
    if cached.is_file():
        verify(cached, name, f'delete {cached} and try again')
        return cached
    if offline:
        raise AMFACError(f'{name} is not in {cached.parent} and downloads are switched off; {remedy}')
    try:
        with atomic_path(cached) as part:
            with part.open('wb') as out:
                for block in _blocks(address, remedy):
                    out.write(block)
            verify(part, name, remedy)
    except OSError as error:
        raise AMFACError(f'the cache folder {cached.parent} cannot be written ({error.strerror or error}): set '
                         f'XDG_CACHE_HOME to another one, or {remedy}') from None
    return cached


def _blocks(address: str, remedy: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            while block := answer.read(_CHUNK):
                yield block
    except (OSError, HTTPException) as error:
        # an answer that is not HTTP is quoted as it came
        reason = ' '.join(str(getattr(error, 'reason', error)).split())
        raise AMFACError(f'{address} cannot be reached ({reason}); {remedy}') from None


def published_digits(name: str) -> str | None:
    """The first eight hex digits of the sha256 in the name of a file, or None."""
    match = _DIGITS.search(Path(name).stem)
    return match and match[1]


def verify(path: Path, name: str, remedy: str) -> None:
    """Raise AMFACError unless the sha256 of a file begins with the digits of its published name, where that has some.

    Args:
        path: the file.
        name: its published name.
        remedy: end of the message.
    """
    digest, expected = sha256(path), published_digits(name)
    if expected is not None and not digest.startswith(expected):
        raise AMFACError(f'{name} has the sha256 {digest[:8]}..., its name says {expected}... (the {len(expected)} '
                         f'digits that are published): the file is damaged or another one; {remedy}')
