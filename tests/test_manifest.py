"""Manifests from anywhere: one line for what is wrong, and no file is read that they do not list."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpose_amfac import paths
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.onnx_data import external_files
from mmpose_amfac.skeletons import COCO17

CONTENT = json.loads((paths.WEIGHTS / 'amfacpose_r18_128x96.onnx.json').read_text(encoding='utf-8'))
PLACES = [(name, ) for name in CONTENT] + [(name, inner) for name in ('skeleton', 'decode', 'verification', 'source',
                                                                     'files') for inner in CONTENT[name]]
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner,
                                                                                    max_size=3), max_leaves=8)


def changed(place, value):
    content = json.loads(json.dumps(CONTENT))
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return content


def read(folder, content):
    path = folder / 'f.onnx.json'
    path.write_text(json.dumps(content), encoding='utf-8')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        return Manifest.read(path)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('manifest')


@given(place=st.sampled_from(PLACES), value=anything)
@example(place=('skeleton', 'name'), value='a\nb')
@example(place=('a\nb', ), value=1)
@example(place=('decode', 'a\nb'), value=1)
def test_any_value_in_any_field_is_read_or_is_one_line(folder, place, value):
    try:
        manifest = read(folder, changed(place, value))
    except AMFACError as error:
        assert '\n' not in str(error)
    else:
        assert len(manifest.skeleton.flip_indices) == len(manifest.skeleton)
        hash(manifest.skeleton)


HEATMAP = dict(rule='heatmap')


@pytest.mark.parametrize('place, value, message', [
    (('skeleton', ), [], 'skeleton'), (('skeleton', ), None, 'skeleton=None'),
    (('skeleton', 'joints'), [1] * 17, 'skeleton.joints=1'),
    (('skeleton', 'flip_pairs'), [[1.0, 2.0]], r'skeleton.flip_pairs\[0\]=1.0'),
    (('skeleton', 'joint_colors'), [[0, 0, 256]] * 17, 'skeleton.joint_colors=256 must be at most 255'),
    (('skeleton', 'sigmas'), [1e-300] * 17, 'skeleton.sigmas'),
    (('outputs', ), [[1], [2]], 'outputs'), (('outputs', ), 'xy', 'outputs'),
    (('decode', 'split_ratio'), 1e308, 'decode.split_ratio'), (('decode', 'window'), 10**12, 'decode.window'),
    (('decode', ), dict(HEATMAP, stride=1e-320), 'decode.stride'),
    (('decode', ), dict(HEATMAP, kernel=257), 'at most 255'),
    (('input_size', ), [10**9, 10**9], 'input_size=1000000000 must be at most 8192'),
    (('padding', ), 10**400, 'padding'), (('padding', ), 1e300, 'padding'), (('mean', ), [1e300, 0, 0], 'mean'),
    (('std', ), [1e-300, 1, 1], 'std'), (('source', ), [], 'source'), (('versions', ), 'one', 'versions'),
    (('source', 'aliases'), 3, 'source.aliases'), (('source', 'config_sha256'), 3, 'source.config_sha256=3 must be a'),
    (('source', 'weights_sha256'), ['a'], 'source.weights_sha256'), (('source', 'model'), 3, 'source.model=3'),
    (('source', 'weights'), '\0', 'source.weights'), (('source', 'config'), {}, 'source.config={}'),
    (('source', 'applied'), 'x', 'source.applied'), (('source', 'skipped'), [1], 'source.skipped=1'),
    (('source', 'operators'), None, 'source.operators'), (('source', 'half_weights'), 1, 'source.half_weights=1'),
     (('files', ), {'../x': 'a'}, 'files'),
    (('files', ), {'x': 3}, 'files.x'),
])
def test_wrong_field_is_named(folder, place, value, message):
    with pytest.raises(AMFACError, match=message) as error:
        read(folder, changed(place, value))
    assert '\n' not in str(error.value)


def made(path, *names):
    manifest = Manifest(model='m', files=dict.fromkeys([path.name, *names]), skeleton=COCO17, input_size=(8, 8),
                        outputs=('x', 'y'), decode=dict(rule='simcc'))
    manifest.write(path)
    return manifest


@pytest.mark.parametrize('inside', ['initializer', 'constant', 'branch'])
def test_tensors_in_another_file_must_be_listed(tmp_path, inside):
    """Of the graph itself, of a node, and of a branch of a node."""
    onnx = pytest.importorskip('onnx')
    from onnx import TensorProto, helper, numpy_helper
    tensor = numpy_helper.from_array(np.ones(4, np.float32), 'w')
    out = helper.make_tensor_value_info('out', TensorProto.FLOAT, [4])
    external = onnx.TensorProto()
    external.CopyFrom(tensor)
    external.ClearField('raw_data')
    external.data_location = TensorProto.EXTERNAL
    external.external_data.add(key='location', value='weights.bin')
    external.external_data.add(key='offset', value='0')

    def model(tensor):
        constant = helper.make_node('Constant', [], ['out'], value=tensor)
        if inside == 'initializer':
            nodes, weights = [helper.make_node('Identity', ['w'], ['out'])], [tensor]
        elif inside == 'constant':
            nodes, weights = [constant], []
        else:
            branch = helper.make_graph([constant], 'b', [], [out])
            condition = numpy_helper.from_array(np.array(True), 'c')
            nodes = [helper.make_node('If', ['c'], ['out'], then_branch=branch, else_branch=branch)]
            weights = [condition]
        return helper.make_model(helper.make_graph(nodes, 'g', [], [out], weights))

    path = tmp_path / 'm.onnx'
    path.write_bytes(model(tensor).SerializeToString())
    made(path).check_files(tmp_path)
    path.write_bytes(model(external).SerializeToString())
    (tmp_path / 'weights.bin').write_bytes(np.ones(4, np.float32).tobytes())
    with pytest.raises(AMFACError, match='m.onnx reads weights.bin, which its manifest does not list'):
        made(path).check_files(tmp_path)
    made(path, 'weights.bin').check_files(tmp_path)


def tensor_elsewhere(onnx):
    tensor = onnx.TensorProto(name='w', dims=[4], data_type=onnx.TensorProto.FLOAT,
                              data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key='location', value='weights.bin')
    return tensor


def sparse(onnx, place):
    return onnx.SparseTensorProto(dims=[9], **{place: tensor_elsewhere(onnx)})


PLACES_OF_TENSORS = {
    'training, first': lambda o, m: m.training_info.add().initialization.initializer.append(tensor_elsewhere(o)),
    'training, steps': lambda o, m: m.training_info.add().algorithm.initializer.append(tensor_elsewhere(o)),
    'function': lambda o, m: m.functions.add().node.add().attribute.add().t.CopyFrom(tensor_elsewhere(o)),
    'default of a function': lambda o, m: m.functions.add().attribute_proto.add().t.CopyFrom(tensor_elsewhere(o)),
    'sparse initializer': lambda o, m: m.graph.sparse_initializer.append(sparse(o, 'values')),
    'indices': lambda o, m: m.graph.sparse_initializer.append(sparse(o, 'indices')),
    'attribute': lambda o, m: m.graph.node.add().attribute.add().t.CopyFrom(tensor_elsewhere(o)),
    'list': lambda o, m: m.graph.node.add().attribute.add().tensors.append(tensor_elsewhere(o)),
    'branch': lambda o, m: m.graph.node.add().attribute.add().g.initializer.append(tensor_elsewhere(o)),
    'branches': lambda o, m: m.graph.node.add().attribute.add().graphs.add().initializer.append(tensor_elsewhere(o)),
    'sparse attribute': lambda o, m: m.graph.node.add().attribute.add().sparse_tensor.CopyFrom(sparse(o, 'values')),
    'sparse list': lambda o, m: m.graph.node.add().attribute.add().sparse_tensors.append(sparse(o, 'values')),
}


@pytest.mark.parametrize('place', PLACES_OF_TENSORS)
def test_tensors_are_found_wherever_they_may_lie(tmp_path, place):
    onnx = pytest.importorskip('onnx')
    model = onnx.ModelProto()
    PLACES_OF_TENSORS[place](onnx, model)
    (tmp_path / 'm.onnx').write_bytes(model.SerializeToString())
    assert external_files(tmp_path / 'm.onnx') == {'weights.bin'}


def test_what_a_key_has_above_its_32_bits_is_dropped(tmp_path):
    """As protobuf's readers do."""
    onnx = pytest.importorskip('onnx')
    model = onnx.ModelProto()
    model.graph.initializer.append(tensor_elsewhere(onnx))
    content = model.SerializeToString()
    # the graph: field 7, with a length
    assert content[0] == 7 << 3 | 2
    key, long = (7 << 3 | 2) | 1 << 35, b''
    while key:
        long += bytes([key & 127 | (128 if key > 127 else 0)])
        key >>= 7
    (tmp_path / 'm.onnx').write_bytes(long + content[1:])
    assert external_files(tmp_path / 'm.onnx') == {'weights.bin'}


def test_weights_of_an_openvino_file_must_be_listed(tmp_path):
    path = tmp_path / 'm.xml'
    for file in (path, tmp_path / 'm.bin'):
        file.write_bytes(b'x')
    with pytest.raises(AMFACError, match='m.xml reads m.bin, which its manifest does not list'):
        made(path).check_files(tmp_path)
    made(path, 'm.bin').check_files(tmp_path)
