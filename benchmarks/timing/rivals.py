"""Ways from a picture and boxes to key points, for comparison: ours and rtmlib's, with the same files.

rtmlib loops over the boxes. Its ONNX Runtime sessions would take the runtime's default, a thread for each physical
core, and its OpenVINO graphs bfloat16 where the processor has it; they are opened anew with our number of threads and
float32. It hands the picture to the network as BGR where our files are made for RGB, and takes the best bin: that
changes its key points, not its time (``image[..., ::-1]`` and ``window=0`` make them equal to ours).
"""

import contextlib
import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.openvino_engine import openvino_core

OURS, ONE, FULL, NETWORK, RTMLIB = 'ours', 'ours, one by one', 'ours, full batches', 'network alone', 'rtmlib'
BATCH = 64
# pixels of the picture
TOLERANCE = 0.1


class System(NamedTuple):
    """``pose(image, boxes)``, ``detect(image)``, ``plan(people)`` = (streams, piece), and what runs the network."""

    pose: Callable
    detect: Callable
    plan: Callable
    provider: str
    terms: str


def systems(pose: Path, det: Path, backend: str, threads: int, rtmlib: bool) -> dict[str, System]:
    """Name -> system: ours as the runtime chooses, one by one and in full batches, and rtmlib where asked for."""
    found = {}
    for name, way in {OURS: {}, ONE: dict(streams=1, piece=1), FULL: dict(streams=1)}.items():
        estimator = AMFACPose(pose, det, backend, threads=threads, batch_size=BATCH, **way)
        found[name] = System(estimator, estimator.detector, estimator.pace.plan, estimator.engine.provider,
                             f'{threads} threads, all streams together')
    if rtmlib:
        found[RTMLIB] = _rtmlib(pose, det, found[OURS].pose, threads)
    return found


def check(found: dict[str, System], image, boxes) -> None:
    """Raise AMFACError unless our ways give the same key points."""
    expected = found[OURS].pose(image, boxes).keypoints
    for name in (ONE, FULL):
        distance = abs(found[name].pose(image, boxes).keypoints - expected).max()
        if not distance < TOLERANCE:
            raise AMFACError(f'{name!r} and {OURS!r} differ by {distance:.2f} px; no time is taken')


def _rtmlib(pose: Path, det: Path, ours: AMFACPose, threads: int) -> System:
    try:
        from rtmlib import RTMDet, RTMPose
    except ModuleNotFoundError:
        raise MissingPackageError('--against rtmlib needs rtmlib: python -m pip install --no-deps rtmlib') from None
    if ours.manifest.decode['rule'] != 'simcc':
        raise AMFACError(f'rtmlib runs files with SimCC vectors only, and {pose} gives heatmaps')
    # (height, width) for the detector
    sizes = {RTMPose: ours.input_size, RTMDet: ours.detector.input_size[::-1]}
    with contextlib.redirect_stdout(io.StringIO()), _one_core():
        poses, boxes = (tool(str(path), sizes[tool], backend=ours.backend, device='cpu')
                        for tool, path in ((RTMPose, pose), (RTMDet, det)))
    providers = [_same_terms(tool, threads) for tool in (poses, boxes)]
    return System(lambda image, given: poses(image, bboxes=given), boxes, lambda people: (1, 1), providers[0],
                  f'opened with {threads} threads and float32; its own choice is the default of {ours.backend}')


@contextlib.contextmanager
def _one_core():
    """Let what opens a core of its own in OpenVINO get the one of this process, for the reason given there."""
    if find_spec('openvino') is None:
        yield
    else:
        with mock.patch('openvino.Core', openvino_core):
            yield


def _same_terms(tool, threads: int) -> str:
    """Open rtmlib's network with the threads and the arithmetic that ours get; returns what runs it."""
    if tool.backend == 'openvino':
        core = openvino_core()
        tool.compiled_model = core.compile_model(core.read_model(tool.onnx_model), 'CPU', dict(
            PERFORMANCE_HINT='LATENCY', INFERENCE_PRECISION_HINT='f32', INFERENCE_NUM_THREADS=threads))
        tool.input_layer, tool._ov_outputs = tool.compiled_model.input(0), list(tool.compiled_model.outputs)
        return ','.join(tool.compiled_model.get_property('EXECUTION_DEVICES'))
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    tool.session = onnxruntime.InferenceSession(tool.onnx_model, options, providers=['CPUExecutionProvider'])
    return tool.session.get_providers()[0]
