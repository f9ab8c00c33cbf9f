"""Files that appear whole or not at all."""

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from mmpose_amfac.errors import AMFACError


@contextmanager
def atomic_path(path):
    """Yield a temporary path beside ``path``; rename it when the block ends well, remove it when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f'.{path.stem}-', suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, data) -> None:
    """Strict JSON (no NaN), indented, atomic."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, allow_nan=False) + '\n', encoding='utf-8')


def read_json(path, what: str = 'file'):
    """Content of a JSON file.

    Raises:
        AMFACError: it cannot be read, or is not JSON; ``what`` names its kind.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise AMFACError(f'{what} {path} cannot be read: {error.strerror}') from None
    except (ValueError, RecursionError) as error:
        raise AMFACError(f'{what} {path} is not JSON: {error}') from None


def sha256(path) -> str:
    """Hex digest of a file, read piece by piece."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
