"""Writing of ONNX files: torch.onnx, standard operators only."""

import inspect
import warnings

from mmpose_amfac.errors import AMFACError

INPUT, OUTPUTS = 'input', ('simcc_x', 'simcc_y')
OPSET = 17
# what torch's tracing exporter writes with the operators that we need
OPSETS = tuple(range(13, 21))


def write_onnx(network, example, path, opset: int = OPSET, dynamic_batch: bool = False, outputs=OUTPUTS) -> None:
    """Export with torch.onnx.

    Args:
        network: module (batch, 3, H, W) -> a tensor for each of ``outputs``, in evaluation mode.
        example: such an input; its batch is the file's unless ``dynamic_batch``.
        path: target.
        opset: one of ``OPSETS``.
        dynamic_batch: leave the batch open.
        outputs: names.
    """
    import torch
    axes = {name: {0: 'batch'} for name in (INPUT, *outputs)} if dynamic_batch else None
    # before torch 2.5 there is nothing but tracing, and no word for it
    tracing = dict(dynamo=False) if 'dynamo' in inspect.signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings():
        # the exporter that traces is called old; sizes are fixed on purpose
        warnings.simplefilter('ignore')
        torch.onnx.export(network, (example, ), str(path), opset_version=opset, input_names=[INPUT],
                          output_names=list(outputs), dynamic_axes=axes, **tracing)


def checked_operators(path) -> list[str]:
    """Names of a file's operators, sorted, once ONNX's own checker has passed it.

    Raises:
        AMFACError: an operator that is not of ONNX's own domain.
    """
    import onnx
    model = onnx.load(path)
    foreign = sorted({f'{n.domain}.{n.op_type}' for n in model.graph.node if n.domain not in ('', 'ai.onnx')})
    if foreign:
        raise AMFACError(f'the graph needs operators outside standard ONNX: {", ".join(foreign)}')
    onnx.checker.check_model(model, full_check=True)
    return sorted({n.op_type for n in model.graph.node})
