"""Where files are read and written: what the file system refuses, in a line."""

import os
import tempfile
from pathlib import Path

from mmpose_amfac.errors import AMFACError


def is_file(path) -> bool:
    """``Path.is_file``; a name that is too long for any file is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def make_folder(field: str, folder, *names: str) -> None:
    """Make a folder and see that files of these names can be written there.

    Args:
        field: what the user gave, for the error.
        folder: with its parents.
        names: of the files; none is left.

    Raises:
        AMFACError: the file system refuses.
    """
    folder = Path(folder)
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    if not os.path.isdir(there):
        raise AMFACError(f'{field}: {there} is a file; give a folder')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.amfacpose-', dir=folder) as trial:
            for name in names:
                Path(trial, name).touch()
    except OSError as error:
        raise AMFACError(f'{field} cannot be written: {error.strerror}; give a place in a folder that you may write '
                         'to') from None
