"""ONNX files for :mod:`.pipelines` beside those of :mod:`.exports`, of the same weights."""

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import zoo
from benchmarks.models import nets
from benchmarks.models.exports import Folder
from mmpose_amfac.deploy.onnx_file import write_onnx
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import atomic_path

# last layers of RTMDet, RTMO and YOLOX-Pose for classes and boxes
LAST = re.compile(r'\.(rtm_cls|rtm_reg|out_cls|out_obj|out_bbox)\.\d+\.(weight|bias)$')
CALM = 0.01


def pose_file(system: zoo.System, files, backend: str) -> Path:
    """Crops, any number at once -> SimCC vectors or heatmaps; ours in the form that we deploy."""
    from mmpose_amfac.deploy.export import deployable
    folder = Folder(files, system)
    path = folder.path / f'crops_{backend if nets.ours(system) else "any"}.onnx'
    if not path.is_file():
        model = nets.load(system, folder.weights)
        network = deployable(model, backend, 'fp32')[0] if nets.ours(system) else nets.network(model, system)
        outputs = ('simcc_x', 'simcc_y') if system.paradigm == 'td-simcc' else ('heatmaps', )
        _write(network, system.input_size, path, outputs, True)
    return path


def maps_file(system: zoo.System, files, size) -> Path:
    """A picture of (width, height) -> heatmaps and tags."""
    folder = Folder(files, system)
    path = folder.path / f'maps_{size[0]}x{size[1]}.onnx'
    if not path.is_file():
        _write(nets.network(nets.load(system, folder.weights), system), size, path, ('heatmaps', 'tags'), False)
    return path


def finder_file(system: zoo.System, files) -> Path:
    """A picture -> the boxes that NMS keeps, and for each its class or its key points; MMDeploy's."""
    return Folder(files, system).mmdeploy('onnxruntime', 1)


def calmed(name: str) -> float:
    """Factor on a weight or bias: scores of random weights are often exactly 1, and boxes infinite.

    With the last layers of classes and boxes small, all scores differ, so that a threshold can keep a given number.
    """
    return CALM if LAST.search(name) else 1.0


@contextmanager
def with_threshold(path: Path, threshold: float):
    """A temporary copy of a file of :func:`finder_file`, calmed, whose NMS compares scores with another number.

    Raises:
        AMFACError: the file does not have the layers or the NMS that this needs.
    """
    import onnx
    from onnx.numpy_helper import from_array, to_array
    model = onnx.load(path)
    last = [tensor for tensor in model.graph.initializer if LAST.search(tensor.name)]
    suppressions = [node for node in model.graph.node if node.op_type == 'NonMaxSuppression']
    if not last or len(suppressions) != 1:
        raise AMFACError(f'{path} has {len(last)} last layers of boxes and {len(suppressions)} NMS; some and one are '
                         'needed')
    for tensor in last:
        tensor.CopyFrom(from_array(to_array(tensor) * np.float32(calmed(tensor.name)), tensor.name))
    suppressions[0].input[4] = 'other_threshold'
    model.graph.initializer.append(from_array(np.array([threshold], np.float32), 'other_threshold'))
    with tempfile.TemporaryDirectory(prefix='scaling-') as folder:
        copy = Path(folder) / path.name
        onnx.save(model, copy)
        yield copy


def _write(network, size, path: Path, outputs, dynamic_batch: bool) -> None:
    import torch
    example = torch.zeros(1 + dynamic_batch, 3, size[1], size[0])
    with atomic_path(path) as part, torch.inference_mode():
        write_onnx(network, example, part, dynamic_batch=dynamic_batch, outputs=outputs)
