"""keep_memory: what large tensors cost on a CPU besides arithmetic."""

import ctypes
import platform


def keep_memory() -> bool:
    """Let the process keep memory that it frees, for the next tensor; True where the C library is glibc.

    glibc gives each large tensor back to the system, and at the next batch the system fills the same pages with zeros
    again. The process then stays as large as it was at its largest. Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    no_map, no_trim = (-4, 0), (-1, -1)  # M_MMAP_MAX, M_TRIM_THRESHOLD of malloc.h
    return bool(mallopt(*no_map) and mallopt(*no_trim))
