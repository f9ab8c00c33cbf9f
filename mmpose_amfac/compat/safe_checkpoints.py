"""Loads the checkpoints of MMEngine's Runner, and no code with them.

torch >= 2.6 refuses every file that a Runner writes (``UnpicklingError: Weights only load failed``;
open-mmlab/mmengine#1655), because of its numpy scalars and of the log history, whose methods are pickled as
``getattr(HistoryBuffer, name)``. Here they are allowed by name, getattr for that one class only. Downloads, which
torch.hub unpickles without any restriction, are held to the same list. A torch that does not restrict by default
loads as MMEngine always did: trusted files only.

Files that are no checkpoints at all end in whatever the unpickler stumbles over (``EOFError``, ``KeyError: 101``);
on every torch they become one line that names the file.
"""

import functools
import inspect
import io
import pickle
import re
import warnings
from contextlib import nullcontext

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmpose_amfac.errors import AMFACError

# what metafile entries without published weights point to, see model_aliases
NO_WEIGHTS = 'no-weights://'

# what torch raises on files of other kinds
_UNREADABLE = (pickle.UnpicklingError, EOFError, LookupError, RuntimeError, ValueError, TypeError, AttributeError,
               AssertionError)


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


def _restricts() -> bool:
    """Whether ``torch.load`` refuses other classes unasked (torch >= 2.6, unless the environment switched it off)."""
    file = io.BytesIO()
    torch.save(functools.partial(int), file)
    file.seek(0)
    with warnings.catch_warnings():
        # torch 2.4 and 2.5 announce the change
        warnings.simplefilter('ignore')
        try:
            torch.load(file)
        except pickle.UnpicklingError:
            return True
    return False


def _guarded(load, restricts: bool):
    """One of MMEngine's loaders, restricted to the list and to checkpoints."""

    @functools.wraps(load)
    def guarded(filename, *args, **kwargs):
        try:
            with torch.serialization.safe_globals(_allowed()) if restricts else nullcontext():
                content = load(filename, *args, **kwargs)
        except _UNREADABLE as error:
            if 'map_location' in str(error):
                # a good file of a GPU; torch says what to do
                raise
            refused = re.search(r'GLOBAL (\S+)', str(error))
            if refused:
                raise AMFACError(
                    f'{filename}: not loaded, for it holds more than tensors, numpy arrays and plain values (it '
                    f"refers to {refused[1]}); if you trust it, save it again as {{'state_dict': ...}} where it "
                    'comes from'
                ) from error
            raise _no_checkpoint(filename, _reason(error)) from error
        if not _is_checkpoint(content):
            raise _no_checkpoint(filename, 'it holds no state_dict with named tensors')
        return content

    guarded.guarded = True
    return guarded


def _is_checkpoint(content) -> bool:
    if not isinstance(content, dict):
        return False
    if 'state_dict' in content and not isinstance(content.get('meta') or {}, dict):
        return False
    state = content.get('state_dict', content)
    return isinstance(state, dict) and all(isinstance(name, str) for name in state)


def _reason(error: Exception) -> str:
    # torch's advice on weights_only would have the user load anything
    text = re.split(r'In PyTorch 2\.6|This is an internal', ' '.join(str(error).split()))[0].strip()
    return f'{type(error).__name__}: {text[:150]}' if text else type(error).__name__


def _no_checkpoint(filename, reason: str) -> AMFACError:
    return AMFACError(f'{filename} is not a checkpoint that torch can read ({reason}); it may be damaged, cut off or '
                      'another kind of file')


def _refuse(filename: str, map_location=None):
    raise AMFACError(filename.removeprefix(NO_WEIGHTS))


def apply(checkpoint) -> None:
    """Guard every scheme of ``mmengine.runner.checkpoint``; restrict them where torch restricts."""
    loader = checkpoint.CheckpointLoader
    loader.register_scheme(NO_WEIGHTS, _refuse, force=True)
    restricts = _restricts()
    if restricts and inspect.signature(checkpoint.load_url).parameters['weights_only'].default is False:
        checkpoint.load_url = functools.partial(checkpoint.load_url, weights_only=True)
    for prefix, load in list(loader._schemes.items()):
        if prefix != NO_WEIGHTS and not hasattr(load, 'guarded'):
            loader.register_scheme(prefix, _guarded(load, restricts), force=True)
