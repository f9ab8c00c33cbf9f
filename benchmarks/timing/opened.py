"""What speed times: a network in torch, or a file in an engine, opened, compared with torch and ready to be called."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from benchmarks.models import nets
from benchmarks.models.exports import MMDEPLOY, PLAIN, Folder
from benchmarks.results import CannotRunError
from benchmarks.timing import memory, roofline
from benchmarks.timing.agreement import as_arrays, compare, compare_people, difference, judged
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import first_line, open_engine

TORCH = ('eager', 'compile', 'graph')
BACKENDS = (*TORCH, 'onnxruntime', 'openvino', 'tensorrt')
# calls before the first that is timed; the first one of them opens what is opened late
WARM_UP = 3
# seconds of a call after which two of them are enough
LONG = 1.0


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
    """Open, call ``WARM_UP`` times (twice where a call is long) and compare.

    Raises:
        AMFACError: the back end is not there, cannot run the network, or computes something else.
    """
    return _in_torch(folder, run) if run.backend in TORCH else _in_engine(folder, run)


def _measured(run: Run, make):
    """What ``make`` opens, called, with the peak memory of its calls, the seconds of the last and what it gave."""
    gpu = run.device != 'cpu'
    before = memory.allocated() if gpu else memory.resident()
    call = make()
    call()
    # opening and compiling may need more than running
    memory.allocated() if gpu else memory.resident()
    calls, seconds = 1, 0.0
    while calls < 2 or calls < WARM_UP and seconds < LONG:
        start = time.perf_counter()
        outputs = call()
        calls, seconds = calls + 1, time.perf_counter() - start
    if gpu:
        # engines do not tell what they allocate there
        peak = memory.allocated_peak(before) if run.backend in TORCH else None
    else:
        peak = memory.peak(before)
    return call, dict(peak_memory_mb=peak, warm_up=calls), seconds, outputs


def _in_torch(folder: Folder, run: Run) -> Candidate:
    import torch
    system, weights = folder.system, folder.weights
    if run.backend == 'graph' and run.device == 'cpu':
        raise CannotRunError('a CUDA graph needs --device cuda')
    dtype = dict(fp32=torch.float32, bf16=torch.bfloat16, fp16=torch.float16)[run.precision]
    inputs = torch.from_numpy(nets.pictures(system, run.batch)).to(dtype)

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
            call = _graph(call, inputs.to(run.device))

        def once():
            # from and to the host, as engines take and give arrays
            with torch.inference_mode():
                outputs = call(inputs.to(run.device))
                return [v.cpu() for v in (outputs if nets.finds_people(system) else nets.flat(outputs))]

        return once

    try:
        call, row, seconds, outputs = _measured(run, make)
    except (RuntimeError, MemoryError, LookupError, TypeError, AssertionError, ImportError) as error:
        # every network must run in eager torch; not everything can be compiled or captured
        if run.backend == 'eager' and not _lacks_memory(error):
            raise
        raise CannotRunError(f'torch cannot run it ({run.backend}): {first_line(error)[:200]}') from None
    row |= dict(provider=f'torch {run.device}', arithmetic=run.precision, route='torch', sha256=sha256(weights))
    # eager float32 is what all are compared with
    if nets.finds_people(system):
        if run.backend != 'eager' and run.precision == 'fp32':
            row |= compare_people(folder, _stacked(outputs), run)
    elif nets.ours(system) or run.backend != 'eager' or run.precision != 'fp32':
        row |= compare(folder, [v.float().numpy() for v in outputs], run)
    return Candidate(call, row, seconds)


def _lacks_memory(error: Exception) -> bool:
    import torch
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def _stacked(people) -> list[list]:
    """What torch finds in each picture, in the order of the outputs of a file."""
    found = [as_arrays(one) for one in people]
    return [[boxes for boxes, _, _ in found], [labels if points is None else points for _, points, labels in found]]


def _graph(forward, inputs):
    """A CUDA graph of ``forward``, which takes what it is called with to ``inputs``."""
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

    def replay(pictures):
        inputs.copy_(pictures)
        graph.replay()
        return outputs

    return replay


def _in_engine(folder: Folder, run: Run) -> Candidate:
    system, backend = folder.system, run.backend
    if backend == 'openvino' and run.device != 'cpu':
        raise CannotRunError('OpenVINO is timed on the CPU only: --device cpu')
    if backend == 'tensorrt':
        # before minutes of export
        _tensorrt()
    files = 'openvino' if backend == 'openvino' else 'onnxruntime'
    if run.precision == 'int8' or run.form == 'written':
        path, route, notes = folder.plain(files, run.batch, run.form, run.precision), PLAIN, []
    else:
        path, route, note = folder.export(files, run.batch)
        notes = [note] if note else []
    inputs = nets.pictures(system, run.batch)
    engines = []

    def make():
        engines.append(open_engine(path, backend, run.device, threads=run.threads if run.device == 'cpu' else None))
        return lambda: engines[0](inputs)

    call, used, seconds, outputs = _measured(run, make)
    # ONNX Runtime computes as the file is written, on a GPU with TF32 where that has it
    told = engines[0].precision
    arithmetic = (run.precision if told == 'file' or run.precision == 'int8' else told) + ' or TF32' * (
        run.device != 'cpu')
    row = dict(**used, route=route, provider=engines[0].provider, arithmetic=arithmetic, sha256=sha256(path))
    row |= (compare_people if nets.finds_people(system) else compare)(folder, outputs, run)
    if route == MMDEPLOY and run.device == 'cpu' and not nets.finds_people(system):
        row |= _compare_routes(folder, run, path, inputs, outputs, notes)
    if run.device == 'cpu' and run.precision == 'fp32' and run.form != 'written':
        least = roofline.roofline(path, run.threads)
        row |= {} if least is None else dict(roofline_ms=round(1e3 * least, 3))
    return Candidate(call, row | (dict(note='; '.join(notes)) if notes else {}), seconds)


def _tensorrt() -> None:
    import onnxruntime
    if find_spec('tensorrt') is None and 'TensorrtExecutionProvider' not in onnxruntime.get_available_providers():
        raise CannotRunError('TensorRT is not installed: it needs an NVIDIA GPU and ONNX Runtime with its TensorRT '
                             'provider')


def _compare_routes(folder: Folder, run: Run, path, inputs, outputs, notes: list[str]) -> dict:
    """The same network through torch.onnx, without MMDeploy; each pair of files is compared once."""
    try:
        plain = folder.plain(run.backend, run.batch)
        if (path, plain) not in folder.compared:
            found = open_engine(plain, run.backend, threads=run.threads)(inputs)
            folder.compared[path, plain] = difference(found, outputs)
    except AMFACError as error:
        # MMDeploy's rewrites export some operators that torch alone does not
        notes.append(f'not compared with a file of torch.onnx: {first_line(error)[:200]}')
        return {}
    apart = folder.compared[path, plain]
    return dict(difference_between_routes=float(f'{apart:.2e}'),
                **judged(folder, apart, 'the files of MMDeploy and of torch.onnx differ'))
