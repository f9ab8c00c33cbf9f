"""Freed memory is taken again, without the system's help."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='the C library is not glibc')


def new_pages(root, before: str) -> int:
    """Pages that the system had to fill for ten tensors of 64 MiB, one after the other, after ``before`` and ten more.

    What the first ones need depends on how they are aligned: glibc keeps seven splinters of a size apart.
    """
    code = f"""
import resource
import torch
{before}
for _ in range(10):
    torch.ones(2 ** 24)
pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2 ** 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages)
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=root, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize('before', [
    'from mmpose_amfac.memory import keep_memory; assert keep_memory()',
    "from mmpose_amfac.cli.main import main; assert main(['verify', 'no_such_file.onnx']) == 2",
], ids=['by hand', 'by the command'])
def test_freed_memory_is_taken_again(root, before):
    assert new_pages(root, before) < new_pages(root, '') / 5
