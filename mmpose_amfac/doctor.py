"""What is installed, and every combination that is known not to work, with the command that mends it."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

PIP = (sys.executable, '-m', 'pip')
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmcv-lite', 'mmdet', 'mmpose', 'mmdeploy', 'numpy',
            'setuptools', 'onnxruntime', 'onnxruntime-gpu', 'openvino', 'pycocotools', 'xtcocotools')
_CV2 = ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless')


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


def numpy_drawing(env) -> Problem | None:
    """MMPose's visualiser turns arrays of length 1 into int, which numpy 2.4 refuses."""
    version = env.version('numpy')
    if release(version) < (2, 4) or env.version('mmpose') is None:
        return None
    return Problem(f"numpy {version}: MMPose's drawing fails from 2.4 on", (_install('numpy<2.4'), ))


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
    if env.version('mmcv') is None or env.version('mmcv-lite') is None:
        return None
    return Problem('mmcv and mmcv-lite are both installed and overwrite each other',
                   (_uninstall('mmcv', 'mmcv-lite'), _install('--no-deps', 'mmcv-lite==2.1.0')))


def torch_pair(env) -> Problem | None:
    """Each torch 2.n has one torchvision, 0.(n + 15)."""
    torch, vision = release(env.version('torch')), release(env.version('torchvision'))
    if not torch or not vision or torch[0] != 2 or vision[:2] == (0, torch[1] + 15):
        return None
    wanted = f'0.{torch[1] + 15}'
    return Problem(f'torchvision {env.version("torchvision")} does not pair with torch {env.version("torch")}; '
                   f'{wanted} does', (_install('--no-deps', f'torchvision=={wanted}.*'), ))


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


CHECKS = (python_too_new, setuptools_without_pkg_resources, numpy_drawing, mmcv_too_new, mmcv_twice, torch_pair,
          albumentations_two, onnxruntime_twice, cv2_twice)


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


def devices() -> dict[str, str]:
    """Devices of torch, providers of ONNX Runtime, and the time ``import mmpose_amfac`` takes in a new process."""
    rows = {}
    if importlib.util.find_spec('torch'):
        import torch
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        rows['torch devices'] = ', '.join(['cpu', *names])
    if importlib.util.find_spec('onnxruntime'):
        import onnxruntime
        rows['onnxruntime providers'] = ', '.join(onnxruntime.get_available_providers())
    code = 'import time; t = time.perf_counter(); import mmpose_amfac; print(time.perf_counter() - t)'
    taken = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    rows['import mmpose_amfac'] = f'{float(taken.stdout) * 1000:.0f} ms'
    return rows


def _install(*requirements: str) -> tuple[str, ...]:
    return (*PIP, 'install', *requirements)


def _uninstall(*packages: str) -> tuple[str, ...]:
    return (*PIP, 'uninstall', '-y', *packages)
