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
    (('source', 'aliases'), 3, 'source.aliases'), (('files', ), {'../x': 'a'}, 'files'),
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


def test_weights_of_an_openvino_file_must_be_listed(tmp_path):
    path = tmp_path / 'm.xml'
    for file in (path, tmp_path / 'm.bin'):
        file.write_bytes(b'x')
    with pytest.raises(AMFACError, match='m.xml reads m.bin, which its manifest does not list'):
        made(path).check_files(tmp_path)
    made(path, 'm.bin').check_files(tmp_path)
