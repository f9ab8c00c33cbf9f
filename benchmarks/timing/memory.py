"""Peak memory of one candidate among several of a process."""

import ctypes
import gc
from pathlib import Path

_STATUS, _RESET = Path('/proc/self/status'), Path('/proc/self/clear_refs')


def resident() -> float | None:
    """MB in use by this process, after what is free was given back to the system; None where that cannot be known.

    Starts the count of :func:`peak` anew.
    """
    gc.collect()
    try:
        # glibc keeps what was freed; a candidate that takes it again would seem to need nothing
        ctypes.CDLL('libc.so.6').malloc_trim(0)
        _RESET.write_text('5')
        return _read('VmRSS')
    except (OSError, AttributeError, KeyError):
        # only Linux tells, and some containers do not let a process reset its own peak
        return None


def peak(before: float | None) -> float | None:
    """MB by which the process was larger at its peak since the last call of :func:`resident` than ``before``."""
    return None if before is None else round(max(_read('VmHWM') - before, 0.0), 1)


def allocated() -> float:
    """As :func:`resident`, of torch on its current GPU."""
    import torch
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated() / 2**20


def allocated_peak(before: float) -> float:
    """As :func:`peak`, of torch on its current GPU."""
    import torch
    return round(torch.cuda.max_memory_allocated() / 2**20 - before, 1)


def _read(field: str) -> float:
    lines = dict(line.split(':', 1) for line in _STATUS.read_text().splitlines())
    return int(lines[field].split()[0]) / 1024
