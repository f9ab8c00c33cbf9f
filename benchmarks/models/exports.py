"""ONNX files of networks: written by MMDeploy, and once more by torch alone for a cross-check.

Both come from the same random weights, which lie in the folder of the files as a checkpoint. Files carry in the name
of their folder a digest of all code that writes them, and one that is there is used again.
"""

import shutil
import tempfile
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import zoo
from benchmarks.models import nets
from benchmarks.record import environment
from benchmarks.timing.agreement import difference
from mmpose_amfac.apis.sources import astronaut
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.files import atomic_path
from mmpose_amfac.paths import PACKAGE

# bytes of weights that one ONNX file holds
MOST = 2 << 30
MMDEPLOY, PLAIN = 'mmdeploy', 'torch.onnx'
# head -> outputs of a deploy config; those of the others are heatmaps or coordinates alone
_KINDS = {'SimCCHead': 'simcc_', 'RTMCCHead': 'simcc_', 'AMFACHead': 'simcc_', 'RTMOHead': 'one-stage_',
          'YOLOXPoseHead': 'one-stage_', 'VisPredictHead': 'visibility_', 'IntegralRegressionHead': 'integral_',
          'DSNTHead': 'integral_'}
# what MMDeploy has no codebase for
_NOT_EXPORTED = ('AssociativeEmbeddingHead', 'DEKRHead', 'CIDHead', 'EDPoseHead')
# packages whose versions decide what is written
_WRITERS = ('torch', 'mmpose', 'mmdet', 'mmdeploy', 'onnx', 'onnxruntime')


class File(NamedTuple):
    """An ONNX file, the way it was written, and why not by MMDeploy where it was not."""

    path: Path
    route: str
    note: str = ''


class Folder:
    """Files of one system.

    Args:
        root: folder for the files of all systems.
        system: whose.
    """

    def __init__(self, root, system: zoo.System):
        self.system = system
        self.path = Path(root) / _code() / nets.identity(system)
        # two files that were compared -> their difference
        self.compared = {}
        self._outputs = {}

    @property
    def weights(self) -> Path:
        """Checkpoint of the random weights."""
        path = self.path / 'weights.pth'
        if not path.is_file():
            nets.save(self.system, path)
        return path

    @cached_property
    def expected(self) -> tuple[list, list]:
        """Torch's outputs for the first picture of noise and for the second."""
        model, (first, other) = nets.load(self.system, self.weights), nets.pictures(self.system, 2)
        return nets.expected(model, self.system, first[None]), nets.expected(model, self.system, other[None])

    def outputs(self, batch: int) -> list:
        """Torch's outputs for a batch of pictures of noise."""
        if batch == 1:
            return self.expected[0]
        if batch not in self._outputs:
            model = nets.load(self.system, self.weights)
            self._outputs[batch] = nets.expected(model, self.system, nets.pictures(self.system, batch))
        return self._outputs[batch]

    @cached_property
    def rounding(self) -> float:
        """How far torch's float32 outputs for the first picture are from its float64 ones, relative to the largest."""
        model, inputs = nets.load(self.system, self.weights).double(), nets.pictures(self.system, 1)
        exact = nets.expected(model, self.system, inputs.astype(np.float64))
        return difference(self.expected[0], exact)

    def people(self, batch: int) -> list:
        """What torch finds in each of a batch of pictures of noise."""
        import torch
        model, inputs = nets.load(self.system, self.weights), nets.pictures(self.system, batch)
        if hasattr(model, 'bbox_head'):
            # MMDeploy's graphs clip boxes after NMS
            model.bbox_head.bbox_coder.clip_border = False
        with torch.inference_mode():
            return nets.people(model, torch.from_numpy(inputs))

    def export(self, backend: str, batch: int) -> File:
        """The file to time: MMDeploy's, or torch's where MMDeploy does not export the network.

        Raises:
            AMFACError: neither does.
        """
        self._small_enough()
        try:
            return File(self.mmdeploy(backend, batch), MMDEPLOY)
        except AMFACError as error:
            if nets.finds_people(self.system):
                # torch's file would end before NMS
                raise
            return File(self.plain(backend, batch), PLAIN, str(error))

    def mmdeploy(self, backend: str, batch: int) -> Path:
        """Written by MMDeploy with the deploy config for ONNX Runtime, whatever engine runs it; our networks have a
        form of their own for OpenVINO. It is for the caller to compare the file with torch.

        Raises:
            AMFACError: MMDeploy fails.
        """
        engine = backend if nets.ours(self.system) and backend == 'openvino' else 'onnxruntime'
        path = self.path / f'mmdeploy_{engine}_b{batch}.onnx'
        failed = path.with_suffix('.txt')
        if failed.is_file():
            raise AMFACError(failed.read_text(encoding='utf-8'))
        if not path.is_file():
            try:
                self._convert(engine, batch, path)
            except AMFACError as error:
                if _lasts(error):
                    with atomic_path(failed) as part:
                        part.write_text(str(error), encoding='utf-8')
                raise
        return path

    def _convert(self, engine: str, batch: int, path: Path) -> None:
        from mmpose_amfac.deploy.convert import convert
        name = deploy_config(self.system, engine, batch)
        weights = self.weights
        with tempfile.TemporaryDirectory(dir=self.path) as folder, _quiet():
            convert(name, zoo.config_file(self.system), weights, folder, _picture(folder), random_weights=True,
                    compare=False)
            with atomic_path(path) as part:
                _fix(Path(folder) / 'end2end.onnx', part, batch)

    def plain(self, backend: str, batch: int, form: str = 'deploy', precision: str = 'fp32') -> Path:
        """Written by torch alone.

        Args:
            backend: ``'onnxruntime'`` or ``'openvino'``: chooses our form of Mish and the way of quantisation.
            form: ``'deploy'``, or ``'written'`` for our network without rewrites.
            precision: ``'fp32'`` or ``'int8'`` (calibrated on noise: good for speed only).

        Raises:
            AMFACError: torch does not export the network.
        """
        import torch

        from mmpose_amfac.deploy.export import deployable
        from mmpose_amfac.deploy.onnx_file import write_onnx
        from mmpose_amfac.deploy.quantize import quantize
        self._small_enough()
        own = backend if nets.ours(self.system) or precision == 'int8' else 'any'
        path = self.path / f'{form}_{own}_{precision}_b{batch}.onnx'
        if path.is_file():
            return path
        model = nets.load(self.system, self.weights)
        network = nets.network(model, self.system)
        if hasattr(model, 'switch_to_deploy'):
            # RTMO's encoder exports with its positions counted beforehand only
            model.switch_to_deploy()
        if nets.ours(self.system) and form == 'deploy':
            network, _ = deployable(model, backend, 'fp32')
        example = torch.from_numpy(nets.pictures(self.system, batch))
        with atomic_path(path) as part, torch.inference_mode():
            names = [f'output{i}' for i in range(len(nets.flat(network(example[:1]))))]
            try:
                write_onnx(network, example, part, outputs=names)
            except (RuntimeError, TypeError, ValueError, AssertionError) as error:
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise AMFACError(f'torch.onnx cannot export {self.system.name}: {line[:200]}') from None
            _fix(part, part, batch)
            if precision == 'int8':
                quantize(part, nets.pictures(self.system, 8), chained=backend == 'onnxruntime')
        return path

    def remove(self) -> None:
        """Delete the files."""
        # what an export that was killed has left, too
        shutil.rmtree(self.path, ignore_errors=True)

    def _small_enough(self) -> None:
        size = self.weights.stat().st_size
        if size >= MOST:
            raise AMFACError(f'the weights are {size / 2**30:.1f} GiB, an ONNX file holds less than 2')


def deploy_config(system: zoo.System, engine: str, batch: int) -> str:
    """Name of the deploy config for a system.

    Raises:
        AMFACError: MMDeploy has no rewrite for systems of this kind.
    """
    if nets.head(system) in _NOT_EXPORTED:
        raise AMFACError(f'MMDeploy has no codebase for {system.system.split()[0]}: it exports no grouping or '
                         'transformer decoder of bottom-up models')
    mode = 'static' if batch == 1 else 'dynamic'
    if system.paradigm == 'detector':
        size = f'-{system.input_size[1]}x{system.input_size[0]}' if mode == 'static' else ''
        return f'detection_{engine}_{mode}{size}.py'
    return f'pose-detection_{_KINDS.get(nets.head(system), "")}{engine}_{mode}.py'


def _lasts(error: AMFACError) -> bool:
    """Whether the same code would fail again: not for want of a package, of memory or of room on the disk."""
    return not isinstance(error, MissingPackageError) and not isinstance(error.__cause__, (OSError, MemoryError)) \
        and 'allocate' not in str(error)


def _fix(source: Path, target: Path, batch: int) -> None:
    """Fix the batch and size that a file leaves open, and say of dropout that nothing is trained.

    The exporter writes attention with a dropout of 0 in training mode, which OpenVINO refuses.
    """
    import onnx
    from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed
    model = onnx.load(source)
    for name in {d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim} - {''}:
        make_dim_param_fixed(model.graph, name, batch)
    for node in model.graph.node:
        if node.op_type == 'Dropout':
            del node.input[1:]
    onnx.save(model, target)


def _picture(folder) -> Path:
    """A folder with one picture, which MMDeploy traces the network with."""
    import cv2
    path = Path(folder) / 'picture'
    path.mkdir()
    cv2.imwrite(str(path / 'astronaut.png'), astronaut())
    return path


def _quiet():
    """MMDeploy and the exporter tell much."""
    import contextlib
    import io
    import logging
    import warnings

    @contextlib.contextmanager
    def silence():
        logging.disable(logging.WARNING)
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), \
                    contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter('ignore')
                yield
        finally:
            logging.disable(logging.NOTSET)

    return silence()


@cache
def _code() -> str:
    """Digest of everything that decides what is written."""
    digest = sha256(str(environment(*_WRITERS)['versions']).encode())
    here = Path(__file__).parent
    for file in (*sorted(PACKAGE.glob('models/**/*.py')), *sorted(PACKAGE.glob('deploy/*.py')),
                 *sorted(PACKAGE.parent.glob('configs/deploy/**/*.py')), here / 'nets.py', here / 'exports.py',
                 here / 'stage_files.py', Path(zoo.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
