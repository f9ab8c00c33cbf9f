"""int8: ONNX Runtime's static quantisation of the convolutions, with QuantizeLinear and DequantizeLinear nodes."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from mmpose_amfac.deploy.onnx_file import INPUT

# what stays in float, by the part of its name: gates (a rounding there scales a whole map), the first layer (its input
# has the pictures' full range), and what reads means (one-dimensional, cheap)
KEPT = ('squeeze', 'excite', 'channel_conv', 'context', 'guide', 'fusion', 'embedding', 'stem.0')


def quantize(path, inputs: np.ndarray, chained: bool = False) -> list[str]:
    """Quantise the convolutions of a float32 file in place: uint8 activations, int8 weights by output channel.

    Weights take seven bits: processors without VNNI (AVX2, early AVX-512) add two products of eight bits in sixteen,
    which overflows.

    Activations between convolutions, gates, the head and the softmax stay in float32.

    Args:
        path: ONNX file in float32, in its deploy form.
        inputs: (n, 3, H, W) float32, normalised crops to calibrate with.
        chained: also quantise what convolutions return, which ONNX Runtime needs to run them in int8; OpenVINO fuses
            the activation between two convolutions better without.

    Returns:
        names of the convolutions that were quantised.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    path = Path(path)
    logger = logging.getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        prepared = Path(folder) / 'prepared.onnx'
        # without its optimisations, which would store the constant maps in full
        quant_pre_process(str(path), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
        nodes = [n.name for n in onnx.load(prepared).graph.node
                 if n.op_type == 'Conv' and not any(part in n.name for part in KEPT)]
        try:
            logger.setLevel(logging.ERROR)
            quantize_static(str(prepared), str(path), _Reader(inputs), quant_format=QuantFormat.QDQ,
                            op_types_to_quantize=['Conv'], nodes_to_quantize=nodes, per_channel=True,
                            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
                            calibrate_method=CalibrationMethod.MinMax,
                            extra_options={} if chained else {'OpTypesToExcludeOutputQuantization': ['Conv']})
        finally:
            logger.setLevel(level)
    return nodes


class _Reader:
    """One crop after the other, as ONNX Runtime's calibration asks for them."""

    def __init__(self, inputs):
        self._rows = ({INPUT: row[None]} for row in inputs)

    def get_next(self):
        return next(self._rows, None)
