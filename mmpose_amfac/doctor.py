"""What is installed, and every combination that is known not to work, with the command that mends it."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path

PIP = (sys.executable, '-m', 'pip')
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmcv-lite', 'mmdet', 'mmpose', 'mmdeploy', 'numpy',
            'setuptools', 'onnxruntime', 'onnxruntime-gpu', 'openvino', 'pycocotools', 'xtcocotools')
_CV2 = ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless')
# modules that are started, with the packages that hold them; each in a process of its own: a broken one may end it
_STARTED = {'numpy': ('numpy', ), 'cv2': _CV2, 'torch': ('torch', ), 'mmcv': ('mmcv', 'mmcv-lite'),
            'onnxruntime': ('onnxruntime', 'onnxruntime-gpu'), 'pycocotools': ('pycocotools', )}
_TORCH_DEVICES = ("import torch; print(', '.join(['cpu', *(torch.cuda.get_device_name(i) "
                  'for i in range(torch.cuda.device_count()))]))')
_PROVIDERS = "import onnxruntime; print(', '.join(onnxruntime.get_available_providers()))"
_IMPORT_TIME = 'import time; t = time.perf_counter(); import mmpose_amfac; print(time.perf_counter() - t)'


class Installation:
    """Look-ups that the checks make; a test replaces them."""

    python = sys.version_info[:2]

    def version(self, package: str) -> str | None:
        """Version of an installed distribution."""
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return None

    def importable(self, module: str) -> bool:
        """Whether a top-level module can be found."""
        return importlib.util.find_spec(module) is not None

    def start(self, code: str) -> tuple[bool, str]:
        """Whether a piece of code runs in a new Python, and the last line that it printed or failed with."""
        return _start(code)

    def compiled_mmcv(self) -> bool:
        """Whether mmcv's folder holds compiled operators; without importing it, for our stand-in would answer."""
        spec = importlib.util.find_spec('mmcv')
        folders = spec.submodule_search_locations or () if spec else ()
        return any(file.suffix in ('.so', '.pyd') for folder in folders for file in Path(folder).glob('_ext.*'))


@cache
def _start(code: str) -> tuple[bool, str]:
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    lines = ((done.stderr if done.returncode else done.stdout).strip() or f'exit code {done.returncode}').splitlines()
    return done.returncode == 0, lines[-1]


@dataclass(frozen=True)
class Problem:
    """An incompatibility.

    Args:
        text: one line, what does not work and why.
        commands: argument lists that mend it, in order.
        automatic: ``--fix`` may run them; otherwise they are for the user to type.
    """

    text: str
    commands: tuple[tuple[str, ...], ...]
    automatic: bool = True


def release(version: str | None) -> tuple[int, ...]:
    """``'2.13.0+cpu'`` -> ``(2, 13, 0)``; () for ``None``."""
    numbers = []
    for part in (version or '').partition('+')[0].split('.'):
        digits = part[:len(part) - len(part.lstrip('0123456789'))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def python_too_new(env) -> Problem | None:
    """MMEngine 0.10 uses pkgutil.find_loader, which Python 3.14 removed."""
    if env.python < (3, 14):
        return None
    return Problem(f'Python {env.python[0]}.{env.python[1]}: mmengine 0.10.7 needs pkgutil.find_loader, which 3.14 '
                   'removed; use an older Python', (('python3.13', '-m', 'venv', '.venv'), ), automatic=False)


def setuptools_without_pkg_resources(env) -> Problem | None:
    """mim and MMEngine import pkg_resources, which setuptools 82 removed."""
    version = env.version('setuptools')
    if release(version) < (82, ) or env.importable('pkg_resources'):
        return None
    return Problem(f'setuptools {version} has no pkg_resources, which mim and mmengine import',
                   (_install('setuptools<82'), ))


def broken(module: str, env) -> Problem | None:
    """A module that is there and cannot be imported, e.g. for want of a system library."""
    if not env.importable(module):
        return None
    works, line = env.start(f'import {module}')
    if works:
        return None
    package = next(filter(env.version, _STARTED[module]), None)
    wanted = (module, )
    if package:
        version = env.version(package)
        wanted = (*_index(version), f'{package}=={version.partition("+")[0]}')
    again = _install('--force-reinstall', '--no-deps', *wanted)
    return Problem(f'{module} is installed but cannot be imported: {line[:200]}', (again, ), automatic=False)


def pycocotools_missing(env) -> Problem | None:
    """MMPose reads COCO files through xtcocotools, for which our stand-in uses pycocotools."""
    if env.version('mmpose') is None or env.version('pycocotools'):
        return None
    return Problem(f'mmpose {env.version("mmpose")} cannot read COCO files without pycocotools',
                   (_install('pycocotools'), ))


def mmcv_too_new(env) -> Problem | None:
    """MMDetection 3.3.0 asserts mmcv < 2.2.0 at import."""
    if env.version('mmdet') is None:
        return None
    for package in ('mmcv', 'mmcv-lite'):
        version = env.version(package)
        if release(version) >= (2, 2):
            return Problem(f'{package} {version}: mmdet {env.version("mmdet")} refuses 2.2 and later',
                           (_install('--no-deps', f'{package}==2.1.0'), ))
    return None


def mmcv_twice(env) -> Problem | None:
    """mmcv and mmcv-lite fill the same folder."""
    full, lite = env.version('mmcv'), env.version('mmcv-lite')
    if full is None or lite is None:
        return None
    if env.compiled_mmcv():
        # taking the other one away takes shared files along; pip has the compiled wheel in its cache, else it compiles
        return Problem(f'mmcv {full} (with compiled operators) and mmcv-lite {lite} overwrite each other',
                       (_uninstall('mmcv-lite'), _install('--force-reinstall', '--no-deps', '--no-build-isolation',
                                                          f'mmcv=={full}')))
    return Problem('mmcv (without compiled operators) and mmcv-lite are both installed and overwrite each other',
                   (_uninstall('mmcv', 'mmcv-lite'), _install('--no-deps', 'mmcv-lite==2.1.0')))


def torch_pair(env) -> Problem | None:
    """Each torch 2.n has one torchvision, 0.(n + 15), from the same index."""
    torch, vision = release(env.version('torch')), release(env.version('torchvision'))
    if not torch or not vision or torch[0] != 2 or vision[:2] == (0, torch[1] + 15):
        return None
    wanted = f'0.{torch[1] + 15}'
    index = _index(env.version('torch'))
    # conda's builds carry no tag; PyPI's torchvision would bring CUDA to a torch without it
    if not index and env.start('import torch; print(torch.version.cuda)') == (True, 'None'):
        index = _index('+cpu')
    return Problem(f'torchvision {env.version("torchvision")} does not pair with torch {env.version("torch")}; '
                   f'{wanted} does, from {index[1] if index else "the index that torch came from"}',
                   (_install('--no-deps', *index, f'torchvision=={wanted}.*'), ))


def albumentations_two(env) -> Problem | None:
    """MMPose's Albumentation transform looks for a module that albumentations 2 does not have."""
    version = env.version('albumentations')
    if release(version) < (2, ):
        return None
    return Problem(f"albumentations {version} breaks MMPose's Albumentation transform",
                   (_install('albumentations<2'), ))


def onnxruntime_twice(env) -> Problem | None:
    """onnxruntime and onnxruntime-gpu fill the same folder; the CPU one may hide the GPU."""
    if env.version('onnxruntime') is None or env.version('onnxruntime-gpu') is None:
        return None
    return Problem('onnxruntime and onnxruntime-gpu are both installed and overwrite each other',
                   (_uninstall('onnxruntime', 'onnxruntime-gpu'), _install('onnxruntime-gpu')))


def cv2_twice(env) -> Problem | None:
    """All OpenCV distributions fill the folder cv2."""
    found = [package for package in _CV2 if env.version(package)]
    if len(found) < 2:
        return None
    return Problem(f'{" and ".join(found)} are all installed and overwrite each other',
                   (_uninstall(*found), _install('opencv-python-headless')))


CHECKS = (python_too_new, setuptools_without_pkg_resources, pycocotools_missing, mmcv_too_new, mmcv_twice, torch_pair,
          albumentations_two, onnxruntime_twice, cv2_twice, *(partial(broken, module) for module in _STARTED))


def problems(env=None) -> list[Problem]:
    """Every known incompatibility of this installation."""
    env = env or Installation()
    return [problem for problem in (check(env) for check in CHECKS) if problem is not None]


def versions(env=None) -> dict[str, str]:
    """Package -> version, or what stands in its place."""
    env = env or Installation()
    rows = {'python': '.'.join(map(str, env.python))}
    rows.update((package, env.version(package) or 'not installed') for package in PACKAGES)
    if env.version('mmcv'):
        rows['mmcv'] += ' (full: compiled operators)'
    if env.version('mmcv-lite'):
        rows['mmcv-lite'] += ' (light: no compiled operators)'
    if env.version('xtcocotools') is None:
        rows['xtcocotools'] = 'stand-in of mmpose_amfac, over pycocotools'
    return rows


def devices(env=None) -> dict[str, str]:
    """Devices of torch, providers of ONNX Runtime, and the time ``import mmpose_amfac`` takes in a new process."""
    env = env or Installation()
    rows = {}
    for name, module, code in (('torch devices', 'torch', _TORCH_DEVICES),
                               ('onnxruntime providers', 'onnxruntime', _PROVIDERS)):
        if env.importable(module):
            works, line = env.start(code)
            rows[name] = line if works else f'{module} does not start'
    works, line = env.start(_IMPORT_TIME)
    rows['import mmpose_amfac'] = f'{float(line) * 1000:.0f} ms' if works else line
    return rows


def look_again() -> None:
    """Forget what was found: packages have changed."""
    importlib.invalidate_caches()
    _start.cache_clear()


def _index(version: str | None) -> tuple[str, ...]:
    # PyPI has one build of each torch version, for most systems that with CUDA; the others have their own index
    build = re.search(r'\+(cpu|cu\d+|rocm[\d.]+|xpu)$', version or '')
    return ('--index-url', f'https://download.pytorch.org/whl/{build[1]}') if build else ()


def _install(*requirements: str) -> tuple[str, ...]:
    return (*PIP, 'install', *requirements)


def _uninstall(*packages: str) -> tuple[str, ...]:
    return (*PIP, 'uninstall', '-y', *packages)
