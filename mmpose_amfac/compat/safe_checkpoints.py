"""Loads the checkpoints of MMEngine's Runner, and no code with them.

torch >= 2.6 refuses every file that a Runner writes (``UnpicklingError: Weights only load failed``;
open-mmlab/mmengine#1655), because of its numpy scalars and of the log history, whose methods are pickled as
``getattr(HistoryBuffer, name)``. Here they are allowed by name, getattr for that one class only. Downloads, which
torch.hub unpickles without any restriction, are held to the same list.
"""

import functools
import inspect
import pickle
import re

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmpose_amfac.errors import AMFACError

# what metafile entries without published weights point to, see model_aliases
NO_WEIGHTS = 'no-weights://'


def _history_getattr(owner, name: str):
    """Stands for ``builtins.getattr`` in a file."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'Unsupported global: GLOBAL builtins.getattr of {owner!r}, {name!r}')


def _allowed() -> list:
    # numpy 1 has no `_core`
    multiarray = (getattr(np, '_core', None) or np.core).multiarray
    return [
        HistoryBuffer,
        (_history_getattr, 'builtins.getattr'),
        np.ndarray,
        np.dtype,
        *(value for value in vars(np.dtypes).values() if isinstance(value, type)),
        # numpy 1 wrote the first of the two module names
        *(
            (function, f'numpy.{core}.multiarray.{function.__name__}')
            for core in ('core', '_core')
            for function in (multiarray.scalar, multiarray._reconstruct)
        ),
    ]


def _guarded(load):
    """One of MMEngine's loaders, restricted to the list."""

    @functools.wraps(load)
    def guarded(filename, *args, **kwargs):
        try:
            with torch.serialization.safe_globals(_allowed()):
                return load(filename, *args, **kwargs)
        except pickle.UnpicklingError as error:
            found = re.search(r'GLOBAL (\S+)', str(error))
            reason = f'it refers to {found[1]}' if found else ' '.join(str(error).split())[:200]
            raise AMFACError(
                f'{filename}: not loaded, for it holds more than tensors, numpy arrays and plain values ({reason}); '
                "if you trust it, save it again as {'state_dict': ...} where it comes from"
            ) from error

    guarded.restricted = True
    return guarded


def _refuse(filename: str, map_location=None):
    raise AMFACError(filename.removeprefix(NO_WEIGHTS))


def apply(checkpoint) -> None:
    """Restrict every scheme of ``mmengine.runner.checkpoint``.

    A torch that knows no allow-list (before 2.5) loads as MMEngine always did: trusted files only.
    """
    loader = checkpoint.CheckpointLoader
    loader.register_scheme(NO_WEIGHTS, _refuse, force=True)
    if not hasattr(torch.serialization, 'safe_globals'):
        return
    if inspect.signature(checkpoint.load_url).parameters['weights_only'].default is False:
        checkpoint.load_url = functools.partial(checkpoint.load_url, weights_only=True)
    for prefix, load in list(loader._schemes.items()):
        if prefix != NO_WEIGHTS and not hasattr(load, 'restricted'):
            loader.register_scheme(prefix, _guarded(load), force=True)
