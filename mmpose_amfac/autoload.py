"""Loads mmpose_amfac at every start of this Python, so that MMPose's own scripts know our models unchanged.

It is a line in a ``.pth`` file of site-packages, written and removed on request only.
"""

import os
import sysconfig
from pathlib import Path

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.paths import PACKAGE

NAME = 'mmpose_amfac_autoload.pth'

# a file that outlives the package must not complain at every start
LINE = ("import importlib.util, sys; {before}importlib.util.find_spec('mmpose_amfac') and __import__('mmpose_amfac')"
        '{after}\n')


def site_packages() -> Path:
    """Where this Python looks for ``.pth`` files."""
    return Path(sysconfig.get_path('purelib'))


def install(folder: Path | None = None) -> Path:
    """Write the file, into this Python's site-packages unless told otherwise."""
    folder = folder or site_packages()
    file = folder / NAME
    before = after = ''
    # an installed package lies beside the file; of a checkout only the package is for everybody, not `tests` and
    # `tools`, so its folder is looked through for this one import
    if PACKAGE.parent.resolve() != folder.resolve():
        before, after = f'sys.path.append({ascii(str(PACKAGE.parent))}); ', '; sys.path.pop()'
    # Python reads whatever ends in .pth, so a half-written file has another ending until it is complete
    part = folder / f'{NAME}.{os.getpid()}'
    try:
        part.write_text(LINE.format(before=before, after=after), encoding='utf-8')
        part.replace(file)
    except OSError as error:
        raise AMFACError(f'{file}: cannot be written ({error.strerror}); use a virtual environment') from error
    return file


def remove(folder: Path | None = None) -> Path | None:
    """Remove the file; None if there is none."""
    file = (folder or site_packages()) / NAME
    try:
        file.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AMFACError(f'{file}: cannot be removed ({error.strerror})') from error
    return file
