"""float16 in ONNX files: as arithmetic, or as storage alone."""

import numpy as np

from mmpose_amfac.errors import AMFACError

# sums of many values, and ratios that end near 0
_SENSITIVE = ('GlobalAveragePool', 'ReduceMax', 'ReduceMean', 'ReduceSum', 'Softmax')
# values below which a tensor is stored as it is: biases cost little and add up
_SMALLEST = 256
# of a tensor's largest value
_ROUNDING = 1e-3


def half_arithmetic(path) -> None:
    """Convert a file in place to float16 weights and arithmetic, with float32 input and outputs.

    Sums, means and softmax stay in float32, and so does everything behind the last convolutions (the products of the
    fusion, the means over the axes, the classifiers): their values leave float16's range or decide the best bin.

    Args:
        path: ONNX file in float32.

    Raises:
        AMFACError: a weight outside float16's range.
    """
    import onnx
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel
    model = onnx.load(path)
    _lift_constants(model.graph)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size and np.abs(values).max() > np.finfo(np.float16).max:
            raise AMFACError(f'precision=fp16: the weight {tensor.name} reaches {np.abs(values).max():.3g}, more than '
                             'float16 holds; take fp32')
    model = convert_float_to_float16(model, keep_io_types=True, node_block_list=_behind_convolutions(model.graph),
                                     op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_SENSITIVE])
    _drop_repeated(model.graph)
    # between two nodes that stay in float32 the converter casts to float16 and back
    converted = OnnxModel(model)
    while any(n.op_type == 'Cast' and getattr(converted.get_parent(n, 0), 'op_type', '') == 'Cast'
              for n in converted.nodes()):
        converted.remove_cascaded_cast_nodes()
    converted.topological_sort()
    onnx.save(model, path)


def half_storage(path) -> None:
    """Store the large tensors of a file in float16, in place; a Cast behind each keeps the arithmetic in float32.

    Engines fold the Casts at load. A tensor outside float16's range stays as it is.

    Args:
        path: ONNX file in float32.
    """
    import onnx
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST:
            continue
        with np.errstate(over='ignore'):
            stored = values.astype(np.float16)
            lost = np.abs(stored.astype(np.float32) - values).max()
        if not lost <= _ROUNDING * np.abs(values).max():
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(stored, f'{name}_half'))
        casts.append(onnx.helper.make_node('Cast', [tensor.name], [name], f'{name}_cast', to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.save(model, path)


def _lift_constants(graph) -> None:
    """Turn Constant nodes into initializers: the converter rounds the former even where float32 is kept."""
    for node in [n for n in graph.node if n.op_type == 'Constant']:
        for attribute in node.attribute:
            if attribute.name == 'value':
                attribute.t.name = node.output[0]
                graph.initializer.append(attribute.t)
                graph.node.remove(node)


def _drop_repeated(graph) -> None:
    """Remove nodes that write what another one writes: the converter casts a value anew for each reader."""
    seen = set()
    for node in list(graph.node):
        if seen.intersection(node.output):
            graph.node.remove(node)
        seen.update(node.output)


def _behind_convolutions(graph) -> list[str]:
    """Names of the nodes between the last convolutions and the outputs."""
    makers = {name: node for node in graph.node for name in node.output}
    found, waiting = set(), [output.name for output in graph.output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.op_type != 'Conv' and node.name not in found:
            found.add(node.name)
            waiting.extend(node.input)
    return sorted(found)
