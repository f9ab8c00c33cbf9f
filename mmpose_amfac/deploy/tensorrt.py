"""ONNX -> TensorRT engine: the one GPU and TensorRT version that it is built with.

``fp16`` takes an ONNX file that is already in float16 where it should be, and lets TensorRT obey its types. ``int8``
takes a float32 file and calibrates with TensorRT's entropy calibrator, which ends with TensorRT 10.
"""

import numpy as np

from mmpose_amfac.errors import AMFACError, MissingPackageError

WORKSPACE = 2 << 30
# smallest, best and largest batch of a file with a dynamic one
BATCHES = (1, 8, 64)


def check() -> None:
    """Raise :class:`MissingPackageError` where TensorRT is not installed."""
    _tensorrt()


def build(onnx_file, out, precision: str, input_name: str, input_shape, inputs) -> None:
    """Build and write an engine.

    Args:
        onnx_file: the network.
        out: ``.engine`` file.
        precision: ``'fp32'`` (without TF32), ``'fp16'`` or ``'int8'``.
        input_name: of the only input.
        input_shape: (batch, 3, H, W); a batch of None is dynamic, 1 to 64.
        inputs: (n, 3, H, W) float32 to calibrate int8 with.

    Raises:
        MissingPackageError: TensorRT, or for int8 CUDA's Python package, is not installed.
        AMFACError: TensorRT does not read the network, cannot build it, or no longer calibrates.
    """
    trt = _tensorrt()
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(_creation_flags(trt, precision))
    parser = trt.OnnxParser(network, logger)
    with open(onnx_file, 'rb') as file:
        if not parser.parse(file.read()):
            reasons = '; '.join(str(parser.get_error(i)) for i in range(parser.num_errors))
            raise AMFACError(f'TensorRT {trt.__version__} does not read the network: {reasons}')
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
    # 10 bits of mantissa in convolutions would be no float32
    config.clear_flag(trt.BuilderFlag.TF32)
    if precision == 'int8':
        # as many crops as TensorRT reads at once: the file's batch or the profile's best
        _calibrate(trt, config, inputs, input_shape[0] or BATCHES[1])
    elif precision == 'fp16' and not hasattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED'):
        config.set_flag(trt.BuilderFlag.FP16)
    if input_shape[0] is None:
        profile = builder.create_optimization_profile()
        profile.set_shape(input_name, *((n, *input_shape[1:]) for n in BATCHES))
        config.add_optimization_profile(profile)
        if precision == 'int8':
            config.set_calibration_profile(profile)
    serialised = builder.build_serialized_network(network, config)
    if serialised is None:
        raise AMFACError(f'TensorRT {trt.__version__} could not build an engine; its own messages are above')
    with open(out, 'wb') as file:
        file.write(serialised)


def _tensorrt():
    try:
        import tensorrt
    except ModuleNotFoundError:
        raise MissingPackageError('backend=tensorrt needs TensorRT and an NVIDIA GPU: python -m pip install tensorrt '
                                  'cuda-python') from None
    return tensorrt


def _creation_flags(trt, precision: str) -> int:
    kinds = trt.NetworkDefinitionCreationFlag
    # the first has no effect since 10, the second exists since 9; calibration needs a network without types
    wanted = ['EXPLICIT_BATCH'] if precision == 'int8' else ['EXPLICIT_BATCH', 'STRONGLY_TYPED']
    flags = 0
    for name in wanted:
        if hasattr(kinds, name):
            flags |= 1 << int(getattr(kinds, name))
    return flags


def _calibrate(trt, config, inputs, size: int) -> None:
    if not hasattr(trt, 'IInt8EntropyCalibrator2') or not hasattr(trt.BuilderFlag, 'INT8'):
        raise AMFACError(f"precision=int8 needs TensorRT's calibrator, which {trt.__version__} no longer has: "
                         "python -m pip install 'tensorrt<11'")
    config.set_flag(trt.BuilderFlag.INT8)
    # layers that int8 does not suit
    config.set_flag(trt.BuilderFlag.FP16)
    config.int8_calibrator = calibrator(trt, inputs, size)


def calibrator(trt, inputs, size: int):
    """TensorRT's entropy calibrator over normalised crops (n, 3, H, W) float32, ``size`` at once.

    TensorRT reads whole batches, however many crops there are: the last one is filled up with the first crops.
    """
    try:
        from cuda.bindings import runtime as cuda
    except ModuleNotFoundError:
        raise MissingPackageError('calibrating int8 needs CUDA from Python: python -m pip install cuda-python') \
            from None
    count = -(-len(inputs) // size)
    batches = np.resize(inputs, (count, size, *inputs.shape[1:])).astype(np.float32)

    class Crops(trt.IInt8EntropyCalibrator2):

        def __init__(self):
            super().__init__()
            self._left = list(batches)
            self._memory = _checked(cuda.cudaMalloc(batches[0].nbytes))

        def get_batch_size(self):
            return size

        def get_batch(self, names):
            if not self._left:
                return None
            batch = self._left.pop(0)
            _checked(cuda.cudaMemcpy(self._memory, batch.ctypes.data, batch.nbytes,
                                     cuda.cudaMemcpyKind.cudaMemcpyHostToDevice))
            return [int(self._memory)]

        def read_calibration_cache(self):
            return None

        def write_calibration_cache(self, cache):
            """Another network would read it; calibrating again takes seconds."""

    return Crops()


def _checked(result):
    status, *values = result
    if int(status):
        raise AMFACError(f'CUDA error {int(status)} while calibrating')
    return values[0] if values else None
