"""What speed times: a network in torch, or a file in an engine, opened, compared with torch and ready to be called."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.models import nets
from benchmarks.models.exports import MMDEPLOY, PLAIN, Folder
from benchmarks.timing import memory, roofline
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import open_engine

TORCH = ('eager', 'compile', 'graph')
BACKENDS = (*TORCH, 'onnxruntime', 'openvino', 'tensorrt')
WARM_UP = 3
# largest difference of float32 outputs from torch's, relative to the largest output
TOLERANCE = 1e-3
# outputs for two pictures must differ by so many tolerances, or comparing them shows nothing
SENSITIVITY = 100
# by so much the outputs of an int8 file correlate more with torch's than those for another picture
RESEMBLANCE = 0.1
# share of torch's people that a file must give as well; NMS chooses between equals
PEOPLE = 0.95


class Run(NamedTuple):
    """One row's settings."""

    backend: str
    form: str
    precision: str
    threads: int
    batch: int
    device: str = 'cpu'


class Candidate(NamedTuple):
    """Something to time: a call, its fields of the row, and the seconds that its last call of the warm-up took."""

    call: Callable[[], object]
    row: dict
    seconds: float


def open_candidate(folder: Folder, run: Run) -> Candidate:
    """Open, call ``WARM_UP`` times and compare.

    Raises:
        AMFACError: the back end is not there, cannot run the network, or computes something else.
    """
    return _in_torch(folder, run) if run.backend in TORCH else _in_engine(folder, run)


def _measured(run: Run, make):
    """What ``make`` opens, called, with the fields that every row has."""
    import torch
    cuda = run.device.startswith('cuda')
    before = memory.resident()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    call = make()
    # opening may need more than running
    memory.resident()
    for _ in range(WARM_UP):
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
    used = torch.cuda.max_memory_allocated() / 2**20 if cuda and run.backend in TORCH else memory.peak(before)
    return call, dict(peak_memory_mb=used and round(used, 1)), seconds


def _in_torch(folder: Folder, run: Run) -> Candidate:
    import torch
    system, weights = folder.system, folder.weights
    if run.backend == 'graph' and not run.device.startswith('cuda'):
        raise AMFACError('a CUDA graph needs --device cuda')
    dtype = dict(fp32=torch.float32, bf16=torch.bfloat16, fp16=torch.float16)[run.precision]
    inputs = torch.from_numpy(nets.pictures(system, run.batch)).to(run.device, dtype)
    found = {}

    def make():
        model = nets.load(system, weights)
        if run.form == 'deploy' and nets.ours(system):
            from mmpose_amfac.deploy.fuse import switch_to_deploy
            switch_to_deploy(model, 'native')
        call = nets.call(model.to(run.device, dtype), system)
        if run.backend == 'compile':
            # each file and thread count is compiled for itself; torch would give up after eight
            torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = 1 << 20
            call = torch.compile(call, dynamic=False)
        if run.backend == 'graph':
            call = _graph(call, inputs)

        def once():
            with torch.inference_mode():
                found['outputs'] = call(inputs)
            if run.device.startswith('cuda'):
                torch.cuda.synchronize()

        return once

    try:
        call, row, seconds = _measured(run, make)
    except (RuntimeError, MemoryError, LookupError, TypeError, AssertionError, ImportError) as error:
        raise AMFACError(f'torch cannot run it ({run.backend}): {_line(error)}') from None
    row |= dict(provider=f'torch {run.device}', arithmetic=run.precision, route='torch', sha256=sha256(weights))
    if run.precision == 'fp32' and not nets.finds_people(system) and (nets.ours(system) or run.backend != 'eager'):
        outputs = [v[:1].float().cpu().numpy() for v in nets.flat(found['outputs'])]
        row |= compare(folder, outputs, 'fp32', run.backend)
    found.clear()
    return Candidate(call, row, seconds)


def _graph(forward, inputs):
    """A CUDA graph of ``forward``."""
    import torch
    # allocations and the choice of kernels must be over before the capture
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.inference_mode():
        for _ in range(WARM_UP):
            forward(inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        outputs = forward(inputs)

    def replay(_):
        graph.replay()
        return outputs

    return replay


def _in_engine(folder: Folder, run: Run) -> Candidate:
    system, backend = folder.system, run.backend
    if backend == 'openvino' and run.device != 'cpu':
        raise AMFACError('OpenVINO is timed on the CPU only: --device cpu')
    if backend == 'tensorrt':
        # before minutes of export
        _tensorrt()
    files = 'openvino' if backend == 'openvino' else 'onnxruntime'
    if run.precision == 'int8' or run.form == 'written':
        path, row = folder.plain(files, run.batch, run.form, run.precision), dict(route=PLAIN)
    else:
        path, route, note = folder.export(files, run.batch)
        row = dict(route=route, **(dict(note=note) if note else {}))
    inputs = nets.pictures(system, run.batch)
    engines = []

    def make():
        engines.append(open_engine(path, backend, run.device, threads=run.threads if run.device == 'cpu' else None))
        return lambda: engines[0](inputs)

    call, used, seconds = _measured(run, make)
    row |= dict(**used, provider=engines[0].provider, arithmetic=engines[0].precision, sha256=sha256(path))
    outputs = engines[0](inputs)
    if nets.finds_people(system):
        row |= _compare_people(folder, outputs, backend)
    else:
        row |= compare(folder, [v[:1] for v in outputs], run.precision, backend)
    if row['route'] == MMDEPLOY and run.precision == 'fp32' and not nets.finds_people(system) and backend == files:
        row |= _compare_routes(folder, run, inputs, outputs)
    if run.device == 'cpu' and run.precision == 'fp32' and run.form != 'written':
        least = roofline.roofline(path, run.threads)
        row |= {} if least is None else dict(roofline_ms=round(1e3 * least, 3))
    return Candidate(call, row, seconds)


def _tensorrt() -> None:
    import importlib.util

    import onnxruntime
    if importlib.util.find_spec('tensorrt') is None and \
            'TensorrtExecutionProvider' not in onnxruntime.get_available_providers():
        raise AMFACError('TensorRT is not installed: it needs an NVIDIA GPU and ONNX Runtime with its TensorRT '
                         'provider')


def _compare_routes(folder: Folder, run: Run, inputs, outputs) -> dict:
    """The same network through torch.onnx, without MMDeploy."""
    try:
        path = folder.plain(run.backend, run.batch)
        found = open_engine(path, run.backend, threads=run.threads)(inputs)
    except AMFACError:
        # MMDeploy's rewrites export some operators that torch alone does not
        return {}
    apart = difference(found, outputs)
    if not apart <= TOLERANCE:
        raise AMFACError(f'{folder.system.name}: the files of MMDeploy and of torch.onnx differ by {apart:.1e} of the '
                         'largest output; no time is taken')
    return dict(difference_between_routes=float(f'{apart:.2e}'))


def compare(folder: Folder, found, precision: str, backend: str) -> dict:
    """How outputs for the first picture agree with torch's: their largest difference, and for int8 the correlation.

    Random networks carry the rounding of int8 on much further than trained ones, so that there the outputs only have to
    resemble torch's more than torch's for another picture do.

    Raises:
        AMFACError: a file that does not compute what torch computes, or outputs that hardly depend on the picture.
    """
    name, (reference, other) = folder.system.name, folder.expected
    if not difference(other, reference) >= SENSITIVITY * TOLERANCE:
        raise AMFACError(f'{name}: outputs for two pictures are too much alike to compare files by them')
    if precision == 'int8':
        alike, usual = correlation(found, reference), correlation(other, reference)
        if not alike >= usual + RESEMBLANCE:
            raise AMFACError(f'{name} int8: the outputs of {backend} correlate with torch by {alike:.2f}, those for '
                             f'another picture by {usual:.2f}; no time is taken')
        return dict(correlation_with_torch=round(alike, 3))
    worst = difference(found, reference)
    if not worst <= TOLERANCE:
        raise AMFACError(f'{name}: the outputs of {backend} differ from torch by {worst:.1e} of the largest; no time '
                         'is taken')
    return dict(difference_from_torch=float(f'{worst:.2e}'))


def _compare_people(folder: Folder, outputs, backend: str) -> dict:
    """Pair the boxes of the first picture with torch's."""
    name, people = folder.system.name, folder.people
    boxes, wanted = (np.asarray(found)[:, :4].clip(0, np.tile(folder.system.input_size, 2))
                     for found in (outputs[0][0], people.bboxes))
    # MMDeploy keeps boxes without area, of which random weights make many
    if len(wanted) < 3 or not len(boxes):
        raise AMFACError(f'{name}: {len(wanted)} boxes in torch and {len(boxes)} in {backend} are too few to compare')
    apart = np.abs(wanted[:, None] - boxes[None]).max(2) / max(folder.system.input_size)
    nearest = apart.min(1)
    same = nearest <= TOLERANCE
    if same.mean() < PEOPLE:
        raise AMFACError(f'{name}: only {same.mean():.0%} of the boxes of torch are among those of {backend}; no time '
                         'is taken')
    # score and key points of the pairs
    partner = apart.argmin(1)[same]
    worst = float(np.abs(outputs[0][0][partner, 4] - np.asarray(people.scores)[same]).max())
    if 'keypoints' in people:
        points = np.asarray(people.keypoints)[same]
        worst = max(worst, float(np.abs(outputs[1][0][partner, :, :2] - points).max() / max(np.abs(points).max(), 1)))
    worst = max(worst, float(nearest[same].max()))
    if not worst <= TOLERANCE:
        raise AMFACError(f'{name}: people of {backend} differ from torch by {worst:.1e}; no time is taken')
    return dict(difference_from_torch=float(f'{worst:.2e}'))


def difference(outputs, reference) -> float:
    """Largest difference of two lists of arrays, relative to the largest value of the second."""
    return max(float(abs(a - e).max() / abs(e).max()) for a, e in zip(outputs, reference, strict=True))


def correlation(outputs, reference) -> float:
    """Correlation of two lists of arrays, all values taken together."""
    return float(np.corrcoef(*(np.concatenate([v.ravel() for v in side]) for side in (outputs, reference)))[0, 1])


def _line(error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
